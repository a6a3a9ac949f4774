"""Simulated Thorlabs PM100D power meter with an S155C fibre sensor."""

from qkdlab_sims.instruments.thorlabs_pm100d.simulator import Simulator

__all__ = ["Simulator"]
