"""`Needs`: what an experiment's program asks of its party's station."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Needs"]


@dataclass(frozen=True, slots=True)
class Needs:
    """Checked with the configuration, before anything is opened.

    roles:   by name, what must stand behind it: a composite (``receiver``) or a role
             that drivers offer (``Attenuator``)
    records: quantities of which the party must carry a calibration record
    """

    roles: Mapping[str, str] = field(default_factory=dict)
    records: tuple[str, ...] = ()
