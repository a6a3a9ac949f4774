"""Simulated instruments and the seeded physical world behind them."""
