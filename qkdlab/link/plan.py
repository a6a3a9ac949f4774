"""The block plan: all that both parties must have agreed on before the first pulse."""

from __future__ import annotations

import dataclasses

from qkdlab.link.codec import public, record
from qkdlab.link.wire import REAL, TEXT, UINT, tuple_of

__all__ = ["BlockPlan"]


@record
class BlockPlan:
    """One block of pulses, fixed in advance (SECURITY rule 3).

    block:          number of the block in its session
    first_pulse:    index of its first pulse; a multiple of `symbols`
    n_frames:       pattern periods in the block
    symbols:        pulses of one frame, public header included
    header_symbols: public pulses at the head of each frame; neither key nor statistics
    composition:    pulses of one frame by basis (X, Z) and intensity (brightest
                    first), header left out: X signal, X decoy, X vacuum, Z signal ...
    reconciliation: name of its method, or `auto`: see `qkdlab.link.method`
    frame_bits:     length of a reconciliation frame
    verification_bits: length t of the verification tag
    theorem:        name of the formula for the key length
    epsilon_secrecy, epsilon_correctness: of the key
    qber_x_max, qber_z_max: error rates above which the block aborts
    cross_click_fraction_max, double_click_fraction_max: of the accepted slots
    key_class:      secure, lab or demonstration
    """

    block: int = public(UINT)
    first_pulse: int = public(UINT)
    n_frames: int = public(UINT)
    symbols: int = public(UINT)
    header_symbols: int = public(UINT)
    composition: tuple[int, ...] = public(tuple_of(UINT))
    reconciliation: str = public(TEXT)
    frame_bits: int = public(UINT)
    verification_bits: int = public(UINT)
    theorem: str = public(TEXT)
    epsilon_secrecy: float = public(REAL)
    epsilon_correctness: float = public(REAL)
    qber_x_max: float = public(REAL)
    qber_z_max: float = public(REAL)
    cross_click_fraction_max: float = public(REAL)
    double_click_fraction_max: float = public(REAL)
    key_class: str = public(TEXT)

    def __post_init__(self) -> None:
        if self.symbols < 1 or self.first_pulse % self.symbols:
            raise ValueError("a block begins with a frame")
        if len(self.composition) % 2 or (
            self.header_symbols + sum(self.composition) != self.symbols
        ):
            raise ValueError("header and composition do not fill the frame")

    @property
    def n_pulses(self) -> int:
        """Pulses of the block, headers included."""
        return self.n_frames * self.symbols

    @property
    def end_pulse(self) -> int:
        """Index after the last pulse of the block."""
        return self.first_pulse + self.n_pulses

    @property
    def n_intensities(self) -> int:
        """Number of intensity classes."""
        return len(self.composition) // 2

    def class_pulses(self, basis: int) -> tuple[int, ...]:
        """Return the pulses of the block by intensity, sent in basis 0 (X) or 1 (Z)."""
        first = basis * self.n_intensities
        chosen = self.composition[first : first + self.n_intensities]
        return tuple(self.n_frames * n for n in chosen)

    def differences(self, other: BlockPlan) -> tuple[str, ...]:
        """Return the names of the entries in which two plans differ."""
        return tuple(
            f.name
            for f in dataclasses.fields(self)
            if getattr(self, f.name) != getattr(other, f.name)
        )
