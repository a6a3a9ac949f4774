"""The edges T0, T1, A to H: each a delay after another edge."""

from __future__ import annotations

from qkdlab_sims.instruments.srs import Fault, SrsError

__all__ = ["FIRST_EDGE", "LAST_EDGE", "RESOLUTION_PS", "T0", "T1", "Edges"]

T0, T1 = 0, 1
FIRST_EDGE, LAST_EDGE = 2, 9
"""A and H."""
RESOLUTION_PS = 5
MAX_DELAY_PS = 2000 * 10**12


class Edges:
    """Delays and links; what would go below 0 or above 2000 s is refused.

    T0 is the beginning. T1 ends the cycle, with the last of the other edges; it cannot
    be set, nor be an edge's reference [guess].
    """

    def __init__(self) -> None:
        self._links: dict[int, tuple[int, int]] = {}
        self.reset()

    def reset(self) -> None:
        """Put all edges on T0 [doc: delays 0 after ``*RST``]."""
        self._links = dict.fromkeys(range(FIRST_EDGE, LAST_EDGE + 1), (T0, 0))

    def saved(self) -> dict[int, tuple[int, int]]:
        """Return a copy for `restore`."""
        return dict(self._links)

    def restore(self, saved: dict[int, tuple[int, int]]) -> None:
        """Take back what `saved` returned."""
        self._links = dict(saved)

    def set(self, edge: int, reference: int, delay_ps: int) -> None:
        """Put `edge` after `reference`; raises SrsError."""
        if not FIRST_EDGE <= edge <= LAST_EDGE:
            raise SrsError(Fault.ILLEGAL_VALUE)
        if reference == T1 or not T0 <= reference <= LAST_EDGE:
            raise SrsError(Fault.ILLEGAL_LINK)
        steps = round(delay_ps / RESOLUTION_PS)
        links = {**self._links, edge: (reference, steps * RESOLUTION_PS)}
        for each in links:
            if not 0 <= _after_t0(links, each) <= MAX_DELAY_PS:
                raise SrsError(Fault.ILLEGAL_DELAY)
        self._links = links

    def link(self, edge: int, reference: int) -> None:
        """Let `edge` follow `reference` at the delay that it has now after it."""
        if reference == edge:
            raise SrsError(Fault.ILLEGAL_LINK)
        if not FIRST_EDGE <= edge <= LAST_EDGE:
            raise SrsError(Fault.ILLEGAL_VALUE)
        if reference == T1:
            raise SrsError(Fault.ILLEGAL_LINK)
        self.set(edge, reference, self.after_t0_ps(edge) - self.after_t0_ps(reference))

    def get(self, edge: int) -> tuple[int, int]:
        """Return (reference, delay_ps) of an edge."""
        if edge in self._links:
            return self._links[edge]
        return T0, self.after_t0_ps(edge)

    def after_t0_ps(self, edge: int) -> int:
        """Return when an edge comes after T0."""
        if edge == T0:
            return 0
        if edge == T1:
            return max(_after_t0(self._links, each) for each in self._links)
        return _after_t0(self._links, edge)


def _after_t0(links: dict[int, tuple[int, int]], edge: int) -> int:
    total_ps = 0
    for _ in range(len(links) + 1):
        if edge == T0:
            return total_ps
        edge, delay_ps = links[edge]
        total_ps += delay_ps
    raise SrsError(Fault.ILLEGAL_LINK)
