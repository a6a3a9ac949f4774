"""Numbers of bench, drivers, experiments, simulation are refused outside ranges."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import math
import re
import types
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from qkdlab.config.document import Document
from qkdlab.config.explain import check_model
from qkdlab.config.units import split_unit, unit_words
from qkdlab.wiring.parts import Wiring
from qkdlab_sims.bench.instruments import SIMULATORS
from qkdlab_sims.instruments.tagger_inputs.flaws import Flaws
from qkdlab_sims.option_ranges import OPTION_RANGES
from qkdlab_sims.sections import SimulationSection

PURE = {
    "address", "addresses", "after_bytes", "afterpulse_probability",
    "afterpulse_shares", "attempts", "average", "balance_clicks", "basis_clicks",
    "basis_x_probability", "bias_points", "blinding_gain", "block_singles", "blocks",
    "brightness", "channel", "chirp", "clicks", "comparator_rms", "contrast",
    "cross_click_fraction_max", "dark_drift", "detectors", "device_index",
    "dither_share", "double_click_fraction_max", "drive_points", "efficiency",
    "efficiency_max", "efficiency_mismatch_max", "epsilon_correctness",
    "epsilon_secrecy", "fraction", "fringe_points", "g2_emitter", "gain",
    "header_symbols", "heralding_idler", "heralding_signal", "hysteresis",
    "indistinguishability", "intensity_margin", "interval_coverage",
    "jitter_tail_fraction", "lags", "laser_bias_share", "laser_points", "leak_factor",
    "linewidth_enhancement", "max_samples", "mean_photon_number", "mean_photons",
    "memory", "memory_clicks", "memory_max", "memory_pulses", "meter_readings",
    "miller_power", "n_detectors", "n_inputs", "near_lags", "noise_neighbour",
    "noise_photons", "noise_rms", "out_of_gate_fraction_max", "pairs_per_pulse",
    "peak_photons", "persistence", "phase_points", "photons", "piece_bytes",
    "polarimetry_clicks", "polarization_qber_max", "polarization_ratio", "ports",
    "probability", "qber_x_max", "qber_z_max", "ramp_steps", "relative_uncertainty",
    "relaxation_shares", "residual_am", "samples_per_symbol", "schmidt_number",
    "scintillation_index", "share_of_switching", "sigmas", "source_visibility",
    "splitter_fraction", "start_rise", "stop_rise", "stream_ports", "sweep_clicks",
    "symbols", "sync_clicks", "tap_fraction", "threshold", "trigger_rms",
    "vacuum_margin", "verification_clicks", "visibility", "x_fraction", "x_share",
}  # fmt: skip
"""Numbers, shares and ratios: no unit is to be told."""


class Number(NamedTuple):
    """A number of a model: a key, in so many lists, or below so many mappings' keys."""

    model: type[BaseModel]
    key: str
    around: tuple[type, ...]
    bounds: dict[str, float]

    @property
    def label(self) -> str:
        return f"{self.model.__name__}.{self.key}"

    def document(self, value: float) -> Document:
        wrapped: Any = value
        for kind in reversed(self.around):
            # as many as any tuple of fixed length holds
            wrapped = {"alice.awg": wrapped} if kind is dict else [wrapped] * 2
        return Document({self.key: wrapped})

    def complaints(self, value: float) -> list[str]:
        """Return what is said of a value; other keys are missing, too."""
        _, problems = check_model(self.model, self.document(value), ())
        return [p.message for p in problems if p.path[:1] == (self.key,)]


def models(root: Any) -> dict[str, type[BaseModel]]:
    """Return all models below one, by name."""
    found: dict[str, type[BaseModel]] = {}
    waiting: list[Any] = [root]
    while waiting:
        one = waiting.pop()
        if isinstance(one, type) and issubclass(one, BaseModel):
            if found.setdefault(one.__name__, one) is one:
                waiting += [i.annotation for i in one.model_fields.values()]
        else:
            waiting += [a for a in get_args(one) if a not in found.values()]
    return found


def numbers_in(
    annotation: Any, demands: list[Any], around: tuple[type, ...] = ()
) -> Iterator[tuple[tuple[type, ...], dict[str, float]]]:
    """Yield what is around each number of an annotation, and its bounds."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inside, *more = get_args(annotation)
        more = [d for one in more for d in getattr(one, "metadata", (one,))]
        yield from numbers_in(inside, [*demands, *more], around)
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from numbers_in(member, demands, around)
    elif origin in (list, tuple, dict):
        last = [a for a in get_args(annotation) if a is not Ellipsis][-1]
        yield from numbers_in(last, [], (*around, origin))
    elif annotation in (int, float):
        names = ("gt", "ge", "lt", "le")
        found = {n: getattr(d, n) for d in demands for n in names if hasattr(d, n)}
        yield around, {n: b for n, b in found.items() if b is not None}


PARAMETERS = [
    point.load().parameters for point in entry_points(group="qkdlab.experiments")
]
"""Of all experiments."""
OPTIONS = [
    spec.options
    for point in entry_points(group="qkdlab.drivers")
    for spec in point.load()
]
"""Of all drivers."""

NUMBERS = [
    Number(model, info.alias or name, around, bounds)
    for model in dict.fromkeys(
        model
        for root in (Wiring, SimulationSection, *PARAMETERS, *OPTIONS)
        for model in models(root).values()
    )
    for name, info in model.model_fields.items()
    for around, bounds in numbers_in(info.annotation, list(info.metadata))
]


def test_all_kinds_of_parts_are_looked_at() -> None:
    assert len({n.model for n in NUMBERS}) > 40
    assert len(NUMBERS) > 230
    for label in (
        "Snspd.efficiency_max",
        "SpadGate.persistence",
        "Spread.loss_db",
        "BiasSearch.step_ua",
        "HomParameters.delays_ps",
        "Ell14Options.zero_deg",
    ):
        assert label in {n.label for n in NUMBERS}


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: n.label)
def test_a_value_outside_is_refused_with_range_and_unit(number: Number) -> None:
    low = number.bounds.get("ge", number.bounds.get("gt", -math.inf))
    high = number.bounds.get("le", number.bounds.get("lt", math.inf))
    assert math.isfinite(low)
    assert math.isfinite(high)
    unit = split_unit(number.key)[1]
    assert bool(unit) != (number.key in PURE)
    too_low = low if "gt" in number.bounds else low - max(1, abs(low))
    too_high = high if "lt" in number.bounds else high + max(1, abs(high))
    for value in (too_low, too_high):
        told = " ".join(number.complaints(value))
        for bound in (low, high):
            assert f" {bound:.12g}" in told
        assert unit_words(unit) in told


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: n.label)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_is_refused(number: Number, value: float) -> None:
    assert number.complaints(value)


def numeric_options() -> Iterator[str]:
    """Yield the numbers that simulated instruments take, and flaws of taggers."""
    for module in SIMULATORS.values():
        made = importlib.import_module(f"qkdlab_sims.instruments.{module}").Simulator
        for name, option in inspect.signature(made).parameters.items():
            kind = str(option.annotation)
            if re.search(r"\b(int|float)\b", kind) and "Callable" not in kind:
                yield name
    yield from (field.name for field in dataclasses.fields(Flaws))


def refusal(options: dict[str, Any]) -> str:
    """Return what is said of a simulated instrument's options."""
    document = Document({"instruments": {"bob.tagger": {"options": options}}})
    _, problems = check_model(SimulationSection, document, ())
    return " ".join(p.message for p in problems)


def test_every_number_among_the_options_has_a_range_and_no_other_has() -> None:
    assert set(numeric_options()) == set(OPTION_RANGES)


@pytest.mark.parametrize("name", OPTION_RANGES)
def test_an_option_outside_is_refused_with_range_and_unit(name: str) -> None:
    low, high, unit = OPTION_RANGES[name]
    for value in (low - 1, high * 2 + 1, math.nan):
        for options in ({name: value}, {name: [value]}, {"flaws": {name: value}}):
            told = refusal(options)
            assert f"{name} is {value:g}" in told
            wanted = f"must be between {low:g} and {high:g}"
            assert wanted + ("" if unit == "1" else f" {unit}") in told
    assert not refusal({name: low})
    assert not refusal({name: high})
