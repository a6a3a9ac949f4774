"""`JointLaw`: contexts that follow from two generators, the sender and the receiver.

A modulator before the detectors that takes settings of its own multiplies the contexts
of the light: each pulse then has one that says what the sender and what the receiver
did to it. The two generators share nothing but the pulse clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.settings._kernels import Law
from qkdlab_sims.optics.settings.law import ContextLaw

__all__ = ["JointLaw"]


@dataclass(frozen=True, eq=False)
class JointLaw(ContextLaw):
    """A `ContextLaw` of the sender, and one of the receiver beside it.

    The context of pulse k is that of the sender plus `stride` times the receiver's.

    receiver: its generator's law
    lag:      pulse of the light, counted from its first, that meets the receiver's
              setting 0; what came before counts as the other end of its keystream

    Raises ValueError as `ContextLaw`, and for more contexts than fit in 31 bits.
    """

    receiver: ContextLaw
    lag: int

    def __post_init__(self) -> None:
        ContextLaw.__post_init__(self)
        n_contexts = self.n_contexts * self.receiver.n_contexts
        if n_contexts >= 1 << 31:
            raise ValueError("a law has fewer than 2**31 contexts")
        object.__setattr__(self, "n_contexts", n_contexts)

    @classmethod
    def beside(cls, sender: ContextLaw, receiver: ContextLaw, lag: int) -> JointLaw:
        """Return the law of both."""
        return cls(sender.settings, sender.parts, receiver, lag)

    @property
    def stride(self) -> int:
        """Return how many contexts the sender's law alone has."""
        return self.n_contexts // self.receiver.n_contexts

    def contexts(self, pulses: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the contexts of pulses counted from the light's first."""
        own = ContextLaw.contexts(self, pulses)
        return own + self.stride * self.receiver.contexts(pulses - self.lag)

    def probabilities(self) -> NDArray[np.float64]:
        """Return float64[n_contexts], how often each context comes."""
        own = ContextLaw.probabilities(self)
        return np.outer(self.receiver.probabilities(), own).reshape(-1)

    def receiver_record(self, first_pulse: int) -> Law:
        """Return the receiver's law as the kernels want it; see `record`."""
        return self.receiver.record(first_pulse + self.lag)
