"""Simulated Stanford Research Systems DG645 digital delay generator."""

from qkdlab_sims.instruments.srs_dg645.simulator import DelayPulse, Simulator

__all__ = ["DelayPulse", "Simulator"]
