"""The naive model beside which the engine is measured."""
