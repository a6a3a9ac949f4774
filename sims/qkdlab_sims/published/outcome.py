"""One figure of a published experiment beside ours."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A figure from simulated clicks, beside what was published.

    name:        experiment and condition, as a word
    quantity:    what the figure is
    unit:        "1" for a pure number
    published:   by the experiment
    ours:        from simulated clicks alone
    uncertainty: one standard deviation of `ours`, of the simulation's counts
    closed_form: what the model gives without simulation, from the same inputs
    within:      relative deviation from `published` that the inputs allow for
    cause:       of the deviation
    is_bound:    whether `ours` bounds the published figure from above; `within` is
                 then meaningless
    """

    name: str
    quantity: str
    unit: str
    published: float
    ours: float
    uncertainty: float
    closed_form: float
    within: float
    cause: str
    is_bound: bool = False

    @property
    def deviation(self) -> float:
        """Return the relative deviation of ours from the published figure."""
        return self.ours / self.published - 1.0

    @property
    def pull(self) -> float:
        """Return the distance from the closed form in standard deviations."""
        return (self.ours - self.closed_form) / self.uncertainty

    @property
    def agrees(self) -> bool:
        """Return whether ours fits the published figure, four deviations allowed."""
        slack = 4.0 * self.uncertainty
        if self.is_bound:
            return self.ours + slack >= self.published
        allowed = self.within * abs(self.published) + slack
        return abs(self.ours - self.published) <= allowed
