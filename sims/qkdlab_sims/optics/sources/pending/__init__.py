"""Events that wait for their place in time before detectors meet them."""
