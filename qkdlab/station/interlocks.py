"""Interlocks: no tag makes key unless the detectors were seen healthy after it.

The rules are pure. `GuardedTagger` asks them after each block of tags that it reads and
before it hands the block out. What the tags themselves tell (rate, silence, counts of a
channel that change) is looked at in every block. The voltages over the detectors are
asked of a rack that answers slowly, so they are a monitor: at the first block, at once
when the counts of a channel change or a rule is broken, at least once a second of tags,
and at the end of an acquisition if any block came after the last look.

Tags since the last healthy sample never make key (BENCHES) all the same: an alarm ends
the key block as a whole, with every tag of it, and a key block is complete only when
its acquisition has ended, hence after a healthy sample behind its last tag. What is
handed out in between may be announced, but no key is made of it before. Whoever runs
the programs brings the detectors back before the next block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from qkdlab.clock import PS_PER_S
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.roles import BiasSource, TaggerCapabilities, TimeTagger
from qkdlab.station.count_watch import CountWatch
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
    monitor_s:        of tags at most between two looks at the voltages
    """

    max_rate_hz: float
    most_of_predicted: float = 1.5
    latch_voltage_mv: float = 100.0
    max_silence_s: float = 0.1
    lit_rate_hz: float = 10_000.0
    monitor_s: float = 1.0


@dataclass(frozen=True, slots=True)
class HealthSample:
    """The detectors at the end of one tag block.

    silence_s:   time since the last tag, at the block's end
    voltages_mv: empty where nobody asked
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
    """A time tagger that hands out a block only when no rule is broken.

    Without `bias` no detector has voltages to be looked at; the rules of tags hold.
    When one is broken `trip` is called (close the shutter, bias to 0; it returns what
    failed) and SecurityAbort(DETECTOR_ALARM) raised; the block is dropped. When
    voltages are looked at: see the module.

    marks: channel whose tags are no clicks, if any
    """

    def __init__(
        self,
        tagger: TimeTagger,
        bias: BiasSource | None,
        trip: Callable[[], Sequence[Exception]],
        limits: HealthLimits | None = None,
        marks: int | None = None,
    ) -> None:
        self._tagger = tagger
        self._marks = marks
        self._bias = bias
        self._trip = trip
        self._limits = limits or HealthLimits(tagger.tagger_capabilities().max_rate_hz)
        self._acquisition = self._limits
        self._light_is_on = False
        self._last_tag_ps: int | None = None
        self._watch = CountWatch()
        self._looked_ps: int | None = None
        self._unseen: HealthSample | None = None

    def tagger_capabilities(self) -> TaggerCapabilities:
        """Return the limits."""
        return self._tagger.tagger_capabilities()

    def start(self, reference_period_ps: int, predicted_rate_hz: float) -> None:
        """Begin an acquisition; see `TimeTagger`."""
        self._light_is_on = False
        self._last_tag_ps = None
        self._watch = CountWatch()
        self._looked_ps = self._unseen = None
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
        clicks = _without(block, self._marks)
        sample = self._sample(clicks)
        if self._is_due(clicks) or alarms(sample, self._acquisition):
            self._looked_ps = block.t_end
            sample = self._seen(sample)
        else:
            self._unseen = sample
        self._refuse(sample)
        return block

    def stop(self) -> None:
        """End the acquisition, then look at the detectors if tags came since.

        Raises SecurityAbort (``detector-alarm``) as `read`: tags were handed out that
        must not make key.
        """
        self._tagger.stop()
        if self._unseen is not None:
            self._refuse(self._seen(self._unseen))

    def safe_state(self) -> None:
        """End any acquisition."""
        self._unseen = None
        self._tagger.safe_state()

    def _is_due(self, block: TagBlock) -> bool:
        """Return whether the voltages are to be looked at."""
        departs = self._watch.departs(block)
        if departs or self._looked_ps is None:
            return True
        return block.t_end - self._looked_ps >= self._limits.monitor_s * PS_PER_S

    def _seen(self, sample: HealthSample) -> HealthSample:
        """Return a sample with the voltages as they are now."""
        self._unseen = None
        if self._bias is None:
            return sample
        return replace(sample, voltages_mv=tuple(self._bias.get_voltages_mv()))

    def _refuse(self, sample: HealthSample) -> None:
        broken = alarms(sample, self._acquisition)
        if not broken:
            return
        failures = self._trip()
        abort = SecurityAbort(
            AbortCode.DETECTOR_ALARM,
            "; ".join(alarm.reason for alarm in broken),
            broken[0].numbers,
        )
        for failure in failures:
            abort.add_note(f"interlock trip failed: {failure}")
        raise abort

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
            voltages_mv=(),
        )


def _without(block: TagBlock, marks: int | None) -> TagBlock:
    """Return the clicks of a block: marks go on when detectors have fallen silent."""
    if marks is None:
        return block
    clicks = block.ch != marks
    return replace(block, t=block.t[clicks], ch=block.ch[clicks])
