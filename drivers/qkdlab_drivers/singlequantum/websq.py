"""Single Quantum WebSQ: bias, voltages and counters of a bank of SNSPDs.

The legacy protocol of the EOS/Atlas driver, as in the vendor's client and its QCoDeS
class [code]. There is no ``*IDN?``; the instrument is known by the labels it keeps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qcodes.instrument import Instrument
from qcodes.validators import Bool, Ints, Lists, Numbers

from qkdlab.clock import Clock, seconds
from qkdlab.errors import InstrumentError, InstrumentReplyError
from qkdlab.roles import BiasSourceCapabilities
from qkdlab.transport.base import ByteTransport, Transport
from qkdlab_drivers.singlequantum.counts import CountsLine
from qkdlab_drivers.singlequantum.labels import LabelLine
from qkdlab_drivers.singlequantum.spec import MIN_PERIOD_MS

if TYPE_CHECKING:
    from qkdlab_drivers.singlequantum.spec import WebsqOptions

__all__ = ["SingleQuantumWebsq"]

_NEEDED = ("NumberOfDetectors", "BiasCurrent", "DetectorEnable")


class SingleQuantumWebsq(Instrument):
    """The `BiasSource` role on a WebSQ. Options: `WebsqOptions`."""

    def __init__(
        self,
        name: str,
        connections: dict[str, Transport],
        options: WebsqOptions,
        clock: Clock,
    ) -> None:
        super().__init__(name)
        self.options = options
        self._clock = clock
        self._labels = LabelLine(
            name, _bytes(name, connections, "control"), clock, options.timeout_s
        )
        self._counts = CountsLine(
            name, _bytes(name, connections, "counts"), options.n_detectors
        )
        self.bias_ua = self.add_parameter(
            "bias_ua",
            unit="uA",
            docstring="Bias currents of all detectors.",
            vals=Lists(Numbers(-options.max_bias_ua, options.max_bias_ua)),
            get_cmd=self.get_bias_ua,
            set_cmd=self.set_bias_ua,
        )
        """Bias currents of all detectors."""
        self.voltages_mv = self.add_parameter(
            "voltages_mv",
            unit="mV",
            docstring="Voltages over the detectors; volts when latched.",
            get_cmd=self.get_voltages_mv,
            set_cmd=False,
        )
        """Voltages over the detectors; volts when latched."""
        self.enabled = self.add_parameter(
            "enabled",
            docstring="Whether the bias of all detectors is switched on.",
            vals=Bool(),
            get_cmd=self._get_enabled,
            set_cmd=self.set_enabled,
        )
        """Whether the bias of all detectors is switched on."""
        self.measurement_period_ms = self.add_parameter(
            "measurement_period_ms",
            unit="ms",
            docstring="Time that one line of counts covers.",
            vals=Ints(MIN_PERIOD_MS, 1_000_000),
            get_cmd=self._get_period_ms,
            set_cmd=self._set_period_ms,
        )
        """Time that one line of counts covers."""
        self.trigger_levels_mv = self.add_parameter(
            "trigger_levels_mv",
            unit="mV",
            docstring="Levels above which a pulse counts, one per detector.",
            vals=Lists(Numbers()),
            get_cmd=lambda: self._vector("TriggerLevel"),
            set_cmd=self._set_trigger_levels_mv,
        )
        """Levels above which a pulse counts, one per detector."""
        self.rates_hz = self.add_parameter(
            "rates_hz",
            unit="Hz",
            docstring="Count rates of all detectors over one measurement period.",
            get_cmd=lambda: self.count_rates_hz(0.0),
            set_cmd=False,
            snapshot_get=False,
        )
        """Count rates of all detectors over one measurement period."""

    def identify(self) -> dict[str, str]:
        """Look at its labels, then write the options that are meant for opening.

        Raises InstrumentError when it keeps other labels or has another number of
        detectors; then nothing is written.
        """
        identity = self._identity()
        try:
            if self.options.measurement_period_ms is not None:
                self._set_period_ms(self.options.measurement_period_ms)
            if self.options.trigger_levels_mv is not None:
                self._set_trigger_levels_mv(self.options.trigger_levels_mv)
        except InstrumentError as error:
            # A plain InstrumentError would say that it is another device.
            raise InstrumentReplyError(self.name, error.what, error.hint) from None
        return identity

    def get_idn(self) -> dict[str, str | None]:
        """Return the identity as QCoDeS wants it."""
        return {"serial": None, "firmware": None, **self._identity()}

    def bias_capabilities(self) -> BiasSourceCapabilities:
        """Return the limits, from the options."""
        return BiasSourceCapabilities(
            n_detectors=self.options.n_detectors,
            max_bias_ua=self.options.max_bias_ua,
            min_period_ms=MIN_PERIOD_MS,
        )

    def set_bias_ua(self, currents_ua: list[float]) -> None:
        """Set all bias currents, read them back, and wait until they act.

        Raises InstrumentError for a vector that breaks a limit, before anything is
        sent, and when the instrument set something else.
        """
        wanted = self._checked(currents_ua)
        self._labels.command("SetAllBiasCurrents", "BiasCurrent", wanted)
        given = self._labels.numbers("BiasCurrent", self.options.n_detectors)
        for detector, (want, got) in enumerate(zip(wanted, given, strict=True)):
            if abs(want - got) > self.options.bias_tolerance_ua:
                raise InstrumentError(
                    self.name,
                    f"set detector {detector} to {got:g} uA instead of {want:g} uA",
                    "check that nobody else controls it",
                )
        self._settle()

    def get_bias_ua(self) -> list[float]:
        """Ask for the bias currents; they flow only while switched on."""
        return self._vector("BiasCurrent")

    def get_voltages_mv(self) -> list[float]:
        """Ask for the voltages over the detectors; volts when latched."""
        self._labels.ask("BiasVoltage")
        return self._labels.numbers("BiasVoltage", self.options.n_detectors)

    def count_rates_hz(self, duration_s: float) -> list[float]:
        """Count for whole measurement periods of at least `duration_s` together."""
        period_s = self._get_period_ms() / 1000.0
        return self._counts.rates_hz(duration_s, period_s, self.options.timeout_s)

    def set_enabled(self, enabled: bool) -> None:
        """Switch the bias of all detectors on or off."""
        self._labels.command("DetectorEnable", "DetectorEnable", bool(enabled))
        if self._labels.value("DetectorEnable") is not bool(enabled):
            raise InstrumentError(
                self.name,
                f"did not switch {'on' if enabled else 'off'}",
                "look at its front panel",
            )
        self._settle()

    def safe_state(self) -> None:
        """Set all bias currents to zero, switch off, and make sure of both."""
        try:
            self.set_bias_ua([0.0] * self.options.n_detectors)
        finally:
            self.set_enabled(False)

    def close(self) -> None:
        """Forget the instrument and close its lines; closing twice is allowed."""
        # QCoDeS strips an instrument of its attributes when it closes it.
        if "_labels" in self.__dict__:
            self._labels.close()
            self._counts.close()
        super().close()

    def _identity(self) -> dict[str, str]:
        self._labels.refresh()
        missing = [label for label in _NEEDED if label not in self._labels.values]
        if missing:
            raise InstrumentError(
                self.name,
                f"found something without the labels {', '.join(missing)}",
                "correct the address or the driver in the configuration",
            )
        n_found = self._labels.number("NumberOfDetectors")
        if n_found != self.options.n_detectors:
            raise InstrumentError(
                self.name,
                f"found a WebSQ with {n_found:g} detectors instead of "
                f"{self.options.n_detectors}",
                "correct n_detectors or the address in the configuration",
            )
        return {
            "vendor": "Single Quantum",
            "model": "WebSQ",
            "detectors": str(self.options.n_detectors),
        }

    def _vector(self, label: str) -> list[float]:
        self._labels.refresh()
        return self._labels.numbers(label, self.options.n_detectors)

    def _get_enabled(self) -> bool:
        self._labels.refresh()
        return self._labels.value("DetectorEnable") is True

    def _get_period_ms(self) -> float:
        self._labels.refresh()
        period_ms = self._labels.number("InptMeasurementPeriod")
        if period_ms < MIN_PERIOD_MS:
            raise InstrumentReplyError(
                self.name,
                f"said that its measurement period is {period_ms:g} ms",
                "set it again",
            )
        return period_ms

    def _set_period_ms(self, value: int) -> None:
        self._labels.command("SetMeasurementPeriod", "InptMeasurementPeriod", value)

    def _set_trigger_levels_mv(self, levels_mv: list[float]) -> None:
        self._labels.command("SetAllTriggerLevels", "TriggerLevel", list(levels_mv))

    def _checked(self, currents_ua: list[float]) -> list[float]:
        n, limit = self.options.n_detectors, self.options.max_bias_ua
        if len(currents_ua) != n:
            raise InstrumentError(
                self.name, f"cannot set {len(currents_ua)} bias currents", f"give {n}"
            )
        for detector, current in enumerate(currents_ua):
            if not (math.isfinite(current) and abs(current) <= limit):
                raise InstrumentError(
                    self.name,
                    f"cannot bias detector {detector} with {current:g} uA",
                    f"use at most {limit:g} uA",
                )
        return [float(current) for current in currents_ua]

    def _settle(self) -> None:
        self._clock.sleep_until(self._clock.now_ps() + seconds(self.options.settle_s))


def _bytes(
    name: str, connections: dict[str, Transport], endpoint: str
) -> ByteTransport:
    line = connections.get(endpoint)
    if not isinstance(line, ByteTransport):
        raise InstrumentError(
            name, f"needs a line of bytes as its connection `{endpoint}`", "give one"
        )
    return line
