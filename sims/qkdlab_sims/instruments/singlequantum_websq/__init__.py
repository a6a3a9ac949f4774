"""Simulated Single Quantum WebSQ, driver of superconducting detectors."""

from qkdlab_sims.instruments.singlequantum_websq.detectors import Nanowire
from qkdlab_sims.instruments.singlequantum_websq.simulator import Simulator

__all__ = ["Nanowire", "Simulator"]
