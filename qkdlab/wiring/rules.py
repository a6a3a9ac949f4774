"""The bench rule check: what a bench on paper would do wrong when switched on.

Errors are to be put right before anything is powered (BENCHES, "Rule check").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from qkdlab.problems import Problem, in_file_order
from qkdlab.wiring import (
    rules_cabling,
    rules_channel,
    rules_detectors,
    rules_drive,
    rules_light,
    rules_meeting,
    rules_ranges,
    rules_receiver,
    rules_signals,
    rules_source,
    rules_sync,
    rules_timing,
)
from qkdlab.wiring.view import BenchConfig, BenchView

__all__ = ["check"]

Rule = Callable[[BenchView], Iterator[Problem]]

RULES: tuple[Rule, ...] = (
    rules_cabling.cables,
    rules_cabling.open_ports,
    rules_cabling.owners,
    rules_cabling.instruments,
    rules_cabling.buses,
    rules_signals.clocks,
    rules_signals.references,
    rules_signals.samples,
    rules_signals.drive_voltages,
    rules_drive.swept_voltages,
    rules_drive.constant_levels,
    rules_signals.impedances,
    rules_signals.triggers,
    rules_sync.timebase,
    rules_sync.trigger_level,
    rules_sync.start_threshold,
    rules_receiver.receiver_clock,
    rules_receiver.receiver_marks,
    rules_receiver.mark_level,
    rules_source.pulse_former,
    rules_source.laser_current,
    rules_source.pair_energy,
    rules_timing.pulse_timing,
    rules_timing.gate_period,
    rules_timing.eavesdropper_shift,
    rules_ranges.label_ranges,
    rules_light.attenuation,
    rules_light.meter_range,
    rules_light.wavelengths,
    rules_light.bias,
    rules_light.tag_rate,
    rules_detectors.damage,
    rules_channel.standing_loss,
    rules_meeting.inputs,
    rules_meeting.one_reference,
    rules_meeting.colours,
)


def check(config: BenchConfig) -> list[Problem]:
    """Return all that is wrong or doubtful with a bench, in the order of its file.

    Each problem is one line with its place, the numbers and what to do; its severity
    is ``error`` or ``warning``. An empty list is a bench that may be switched on.
    """
    view = BenchView(config)
    return in_file_order(problem for rule in RULES for problem in rule(view))
