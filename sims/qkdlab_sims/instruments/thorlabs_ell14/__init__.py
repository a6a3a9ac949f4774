"""Simulated Thorlabs ELL14 rotation mounts on one bus."""

from qkdlab_sims.instruments.thorlabs_ell14.simulator import Simulator

__all__ = ["Simulator"]
