"""Simulated Koheron CTL200 laser diode controller."""

from qkdlab_sims.instruments.koheron_ctl200.simulator import Simulator

__all__ = ["Simulator"]
