"""A double of PicoQuant's MHLib with a simulated MultiHarp 150 behind it."""

from qkdlab_sims.instruments.picoquant_multiharp.simulator import Simulator

__all__ = ["Simulator"]
