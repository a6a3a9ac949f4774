"""Ranges of the numbers among a simulated instrument's options, by option.

An option has one meaning whichever instrument takes it; whether an instrument takes it
is known when the bench is built. Bounds are wide: what no device could be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qkdlab_sims.optics.ranges import in_range

__all__ = ["OPTION_RANGES", "check_options"]

_LONGEST_PS = 10**15

OPTION_RANGES: dict[str, tuple[float, float, str]] = {
    "accuracy_deg": (0, 90, "deg"),
    "addresses": (0, 255, "1"),
    "ambient_k": (200, 400, "K"),
    "auto_iv_s": (0, 1e6, "s"),
    "bias_step_ua": (1e-6, 1e3, "uA"),
    "bin_ps": (1, 10**6, "ps"),
    "cooler_tau_ps": (1, _LONGEST_PS, "ps"),
    "crosstalk": (0, 1, "1"),
    "crosstalk_ps": (0, 10**6, "ps"),
    "dac_bits": (1, 32, "1"),
    "dark_current_a": (0, 1, "A"),
    "dead_ps": (0, 10**10, "ps"),
    "epoch_unix_s": (0, 1e11, "s"),
    "fifo_records": (1, 2**40, "1"),
    "flush_ps": (1, _LONGEST_PS, "ps"),
    "hang_rate_hz": (1, 1e12, "Hz"),
    "initial_attenuation_db": (0, 300, "dB"),
    "insertion_delay_ps": (0, 10**12, "ps"),
    "insertion_loss_db": (0, 100, "dB"),
    "jitter_rms_ps": (0, 1e5, "ps"),
    "latency_ps": (0, _LONGEST_PS, "ps"),
    "light_wavelength_nm": (100, 1e5, "nm"),
    "link_rate_hz": (1, 1e12, "Hz"),
    "load_time_ps_per_point": (0, 10**12, "ps"),
    "lock_hz": (0, 10, "Hz"),
    "max_attenuation_db": (0, 300, "dB"),
    "max_points": (1, 2**40, "1"),
    "max_rate_hz": (1, 1e12, "Hz"),
    "max_speed_deg_s": (1e-3, 1e5, "deg/s"),
    "max_steps": (1, 10**9, "1"),
    "memory_points": (1, 2**40, "1"),
    "min_points": (1, 2**40, "1"),
    "missed": (0, 1, "1"),
    "n_detectors": (1, 256, "1"),
    "n_inputs": (1, 63, "1"),
    "noise_of_range": (0, 1, "1"),
    "noise_ohm": (0, 1e6, "Ohm"),
    "offset_ppm": (-1e3, 1e3, "ppm"),
    "pulse_height_v": (-100, 100, "V"),
    "pulse_width_ps": (1, 10**12, "ps"),
    "ramp_ps": (0, _LONGEST_PS, "ps"),
    "records_a_call": (1, 2**40, "1"),
    "repeatability_db": (0, 10, "dB"),
    "response_ps": (0, _LONGEST_PS, "ps"),
    "scale_error": (-0.99, 10, "1"),
    "settle_base_ps": (0, _LONGEST_PS, "ps"),
    "settle_ps": (0, _LONGEST_PS, "ps"),
    "settle_ps_per_db": (0, _LONGEST_PS, "ps/dB"),
    "shutter_ps": (0, _LONGEST_PS, "ps"),
    "skew_ps": (0, 10**9, "ps"),
    "stall_percent": (0, 100, "%"),
    "start_deg": (-1e4, 1e4, "deg"),
    "start_height_v": (-100, 100, "V"),
    "steps_per_s": (1e-3, 1e9, "1/s"),
    "timebase_ppm": (-1e3, 1e3, "ppm"),
    "unhomed_deg": (-1e4, 1e4, "deg"),
    "walk_ppm_per_sqrt_s": (0, 100, "ppm/sqrt(s)"),
    "zero_ps": (0, _LONGEST_PS, "ps"),
}


def check_options(options: Mapping[str, Any]) -> None:
    """Raise ValueError for a number that its option cannot have, naming the option."""
    for name, value in options.items():
        if isinstance(value, Mapping) and name not in OPTION_RANGES:
            check_options(value)
        elif name in OPTION_RANGES:
            low, high, unit = OPTION_RANGES[name]
            for number in _numbers(value):
                in_range(name, number, low, high, unit)


def _numbers(value: Any) -> Iterator[float]:
    """Yield the number, or those of a list or of a mapping by address."""
    if isinstance(value, Mapping):
        for one in value.values():
            yield from _numbers(one)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for one in value:
            yield from _numbers(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value
