"""Simulated FPGA transmitter (docs/fpga-transmitter.md)."""

from qkdlab_sims.instruments.open_fpga_transmitter.simulator import Simulator

__all__ = ["Simulator"]
