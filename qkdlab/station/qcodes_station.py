"""Snapshots through a QCoDeS station; the only module of qkdlab that imports it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from qcodes.station import Station
from qcodes.utils import NumpyJSONEncoder

__all__ = ["snapshot"]


def snapshot(instruments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the last known state of every instrument, by name, fit for JSON.

    Only remembered values are shown (``update=False``): a snapshot causes no hardware
    input or output.
    """
    station = Station(default=False)
    for name, instrument in instruments.items():
        station.add_component(instrument, name=name, update_snapshot=False)
    found = station.snapshot(update=False)
    listed = {
        name: part
        for kind in ("instruments", "components")
        for name, part in found.get(kind, {}).items()
    }
    text = json.dumps(listed, cls=NumpyJSONEncoder)
    return dict(json.loads(text))
