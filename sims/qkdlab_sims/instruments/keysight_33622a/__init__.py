"""Simulated Keysight 33622A, a two-channel arbitrary waveform generator."""

from qkdlab_sims.instruments.keysight_33622a.channel import AwgOutput
from qkdlab_sims.instruments.keysight_33622a.simulator import Simulator

__all__ = ["AwgOutput", "Simulator"]
