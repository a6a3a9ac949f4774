"""Simulated ID Quantique ID900 Time Controller with its DataLink service."""

from qkdlab_sims.instruments.idq_id900.simulator import Simulator

__all__ = ["Simulator"]
