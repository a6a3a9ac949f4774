"""Interlocks: no tag leaves the station before the detectors were seen healthy.

The rules are pure; `GuardedTagger` asks them after each block it reads and before it
hands the block out, so tags since the last healthy sample never make key (BENCHES).
The key block in progress ends; whoever runs the programs brings the detectors back
before the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from qkdlab.clock import PS_PER_S
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.roles import BiasSource, TaggerCapabilities, TimeTagger
from qkdlab.timetags.block import TagBlock

__all__ = ["Alarm", "GuardedTagger", "HealthLimits", "HealthSample", "alarms"]


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """Beyond these the detectors are not trusted.

    max_rate_hz:      of all inputs together, whatever was predicted
    most_of_predicted: and as a multiple of the rate predicted for an acquisition
    latch_voltage_mv: over one detector; 0.1 V in the measured sweep of BENCHES [run]
    max_silence_s:    without any tag while light is on
    lit_rate_hz:      total rate from which light is known to be on
    """

    max_rate_hz: float
    most_of_predicted: float = 1.5
    latch_voltage_mv: float = 100.0
    max_silence_s: float = 0.1
    lit_rate_hz: float = 10_000.0


@dataclass(frozen=True, slots=True)
class HealthSample:
    """The detectors at the end of one tag block.

    silence_s: time since the last tag, at the block's end
    """

    rate_hz: float
    silence_s: float
    light_is_on: bool
    voltages_mv: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Alarm:
    """A broken rule with its figures."""

    reason: str
    numbers: dict[str, float | int | str]


def alarms(sample: HealthSample, limits: HealthLimits) -> list[Alarm]:
    """Return every rule that the sample breaks."""
    found: list[Alarm] = []
    if sample.rate_hz > limits.max_rate_hz:
        found.append(
            Alarm(
                "total tag rate above the limit",
                {"rate_hz": sample.rate_hz, "max_rate_hz": limits.max_rate_hz},
            )
        )
    for detector, voltage_mv in enumerate(sample.voltages_mv):
        if abs(voltage_mv) > limits.latch_voltage_mv:
            found.append(
                Alarm(
                    f"detector {detector} has latched",
                    {
                        "voltage_mv": voltage_mv,
                        "latch_voltage_mv": limits.latch_voltage_mv,
                    },
                )
            )
    if sample.light_is_on and sample.silence_s > limits.max_silence_s:
        found.append(
            Alarm(
                "no counts while light is on",
                {
                    "silence_s": sample.silence_s,
                    "max_silence_s": limits.max_silence_s,
                },
            )
        )
    return found


class GuardedTagger:
    """A time tagger that hands out a block only when the detectors are healthy.

    Otherwise `trip` is called (close the shutter, bias to 0; it returns what failed)
    and SecurityAbort(DETECTOR_ALARM) raised; the block is dropped.
    """

    def __init__(
        self,
        tagger: TimeTagger,
        bias: BiasSource,
        trip: Callable[[], Sequence[Exception]],
        limits: HealthLimits | None = None,
    ) -> None:
        self._tagger = tagger
        self._bias = bias
        self._trip = trip
        self._limits = limits or HealthLimits(tagger.tagger_capabilities().max_rate_hz)
        self._acquisition = self._limits
        self._light_is_on = False
        self._last_tag_ps: int | None = None

    def tagger_capabilities(self) -> TaggerCapabilities:
        """Return the limits."""
        return self._tagger.tagger_capabilities()

    def start(self, reference_period_ps: int, predicted_rate_hz: float) -> None:
        """Begin an acquisition; see `TimeTagger`."""
        self._light_is_on = False
        self._last_tag_ps = None
        predicted_hz = self._limits.most_of_predicted * predicted_rate_hz
        self._acquisition = replace(
            self._limits, max_rate_hz=min(self._limits.max_rate_hz, predicted_hz)
        )
        self._tagger.start(reference_period_ps, predicted_rate_hz)

    def read(self, duration_ps: int) -> TagBlock:
        """Return the next block after a look at the detectors.

        Raises SecurityAbort (``detector-alarm``) when a rule is broken, and whatever
        the tagger raises.
        """
        block = self._tagger.read(duration_ps)
        broken = alarms(self._sample(block), self._acquisition)
        if broken:
            failures = self._trip()
            abort = SecurityAbort(
                AbortCode.DETECTOR_ALARM,
                "; ".join(alarm.reason for alarm in broken),
                broken[0].numbers,
            )
            for failure in failures:
                abort.add_note(f"interlock trip failed: {failure}")
            raise abort
        return block

    def stop(self) -> None:
        """End the acquisition."""
        self._tagger.stop()

    def safe_state(self) -> None:
        """End any acquisition."""
        self._tagger.safe_state()

    def _sample(self, block: TagBlock) -> HealthSample:
        if self._last_tag_ps is None:
            self._last_tag_ps = block.t_begin
        if len(block):
            self._last_tag_ps = int(block.t[-1])
        duration_s = (block.t_end - block.t_begin) / PS_PER_S
        rate_hz = len(block) / duration_s if duration_s > 0 else 0.0
        self._light_is_on |= rate_hz >= self._limits.lit_rate_hz
        return HealthSample(
            rate_hz=rate_hz,
            silence_s=(block.t_end - self._last_tag_ps) / PS_PER_S,
            light_is_on=self._light_is_on,
            voltages_mv=tuple(self._bias.get_voltages_mv()),
        )
