"""Reflections: two surfaces facing each other send a dim copy after each pulse."""

from __future__ import annotations

from dataclasses import dataclass

from qkdlab_sims.optics.channels.fibre import FibreSpan
from qkdlab_sims.optics.ranges import in_range

__all__ = ["Echo", "echo_between"]


@dataclass(frozen=True, slots=True)
class Echo:
    """A copy of every pulse.

    delay_ps: behind the pulse
    loss_db:  below the pulse
    """

    delay_ps: int
    loss_db: float

    @property
    def share(self) -> float:
        """Return the echo's power over the pulse's."""
        return float(10.0 ** (-0.1 * self.loss_db))


def echo_between(
    near_db: float, far_db: float, between: FibreSpan, warmer_k: float = 0.0
) -> Echo:
    """Return the echo of light reflected at the far end and again at the near one.

    near_db, far_db: return losses, 14.7 of an open flat connector, 50 of a polished
                     one, 60 of an angled one [mem]
    """
    in_range("near_db", near_db, 0.0, 100.0, "dB")
    in_range("far_db", far_db, 0.0, 100.0, "dB")
    return Echo(
        2 * between.delay_ps(warmer_k), near_db + far_db + 2.0 * between.loss_db
    )
