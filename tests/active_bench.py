"""The bench of the receiver that chooses, with instruments that move quickly.

Every tick of virtual time costs: plates fly, filters jump, the meter zeroes at once.
"""

from __future__ import annotations

from bench_at_work import QUICK as QUICK_INSTRUMENTS

_OPTIONS = {
    **QUICK_INSTRUMENTS,
    "channel.attenuator": {**QUICK_INSTRUMENTS["channel.attenuator"], "homed": "true"},
}
_FIELDS = ", ".join(
    f"{name}: {{options: {{{', '.join(f'{k}: {v}' for k, v in options.items())}}}}}"
    for name, options in _OPTIONS.items()
)
QUICK = (
    f"simulation.instruments={{{_FIELDS}}}",
    "parties.alice.instruments.attenuator.options.shutter_settle_s=0.002",
    "parameters.calibration.settle_s=0.005",
)
"""Overrides of a configuration."""
