"""From light to clicks: `simulate_pulses`.

Light becomes arrivals at the detectors (`pulsed`), and the pass of the detectors'
technology makes tags of them (`engine`, `nanowire`, `spad`).

Limits of nanowires: a click resets the current of its own wire and of no other; the
background and intrinsic dark counts both recover as photons do; there are no
afterpulses. Wires without a `Readout` have an ideal one, so that their rates above some
20 Mclicks/s are those of none that exists.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qkdlab_sims.optics.arrivals import ArrivalSource, poisson_bound
from qkdlab_sims.optics.attacks._kernels import run_attacked_ticks
from qkdlab_sims.optics.attacks.photons import PhotonAttack
from qkdlab_sims.optics.bank import Bank, Clicks, DetectorState
from qkdlab_sims.optics.bright import BrightLight, Mode, absorbed_power_w
from qkdlab_sims.optics.channels.echo import Echo
from qkdlab_sims.optics.channels.echoed import Echoed
from qkdlab_sims.optics.collection import Collection
from qkdlab_sims.optics.eavesdropper import InterceptResend
from qkdlab_sims.optics.engine import detect
from qkdlab_sims.optics.light import Light
from qkdlab_sims.optics.photons._kernels import BRIGHT_MEAN, PULSES_PER_TICK
from qkdlab_sims.optics.polarization import mueller_matrix
from qkdlab_sims.optics.pulsed import PulsedLight
from qkdlab_sims.optics.rng import stream_key
from qkdlab_sims.optics.snspd import DetectorParameters
from qkdlab_sims.optics.sources.laser.arrivals import LaserArrivals
from qkdlab_sims.optics.wires import DetectorBank

__all__ = [
    "PULSES_PER_TICK",
    "Clicks",
    "DetectorBank",
    "DetectorParameters",
    "DetectorState",
    "simulate_pulses",
]

BRIGHTEST_SPREAD = 64.0
"""Detectable photons a period of continuous light that are looked at. A detector that
rests for a period after each click then clicks within 1.6 % as often as with more; to
others more is refused."""
_ATTACKED_TICKS = 4


def simulate_pulses(
    state: DetectorState,
    light: Light,
    analysers: NDArray[np.float64],
    k0: int,
    k1: int,
    *,
    eve: InterceptResend | PhotonAttack | None = None,
    threads: int | None = 1,
    paths: NDArray[np.float64] | None = None,
    background: NDArray[np.float64] | float = 0.0,
    echo: Echo | None = None,
    interferometer: tuple[float, float] | None = None,
) -> Clicks:
    """Return the clicks that pulses [k0, k1) and that stretch of time give.

    analysers: float64[n_det, 4], M of `polarization.analyser_vector` for the path from
               `light` (or from Eve) to each detector, times its efficiency at rest;
               mean detectable photons of a pulse are M . S / 2
    k0, k1:    whole ticks; k0 must be the former call's k1
    paths:     the same vectors without efficiency: then the power of the light may
               blind or latch detectors (see `bright`), otherwise none ever does

    threads:   as of `engine.detect`; one for light that Eve opens photon by photon
    background: of each detector, photons a period that it would see at rest of light
               beside, evenly spread over time
    interferometer: as of `LaserArrivals`; light with `dynamics`, no Eve
    echo:      a dim copy of every pulse, of the same polarization; none under Eve

    Independence of cuts and errors: see `engine.detect`; ValueError too for analysers
    that do not fit the detectors.
    """
    bank = state.bank
    if analysers.shape != (len(bank.parameters), 4):
        raise ValueError("simulate_pulses wants one analyser vector per detector")
    if paths is not None and eve is None:
        state.shine(absorbed_power_w(light, paths, bank.period_ps).tolist())
    counts = [answer.mode is Mode.GEIGER for answer in state.answers]
    pairs = zip(state.effective_bias_ua(), counts, strict=True)
    active = np.array([bias > 0.0 and c for bias, c in pairs])
    after = np.ascontiguousarray(analysers)
    if not active.all():
        after = np.where(active[:, None], analysers, 0.0)
    before, continuous = light.transfer(), light.continuous_stokes()
    if eve is not None:
        to_eve = mueller_matrix(eve.before)
        before, continuous = to_eve @ before, to_eve @ continuous
    # What comes evenly spread acts as dark counts do; Eve lets it pass.
    spread = 0.5 * after @ continuous + background * active
    spread = _within_reach(spread, bank)
    if isinstance(eve, PhotonAttack):
        made = Collection(
            state,
            k0,
            k1,
            delay_ps=light.delay_ps,
            spread=spread,
            pulse_fwhm_ps=light.pulse_fwhm_ps,
        )
        return _attacked(made, light, before, after, eve)
    fraction = None if eve is None else eve.fraction
    own = None if eve is not None else _own_pulses(state, light, after, interferometer)
    lead_ps = 0 if own is None else own.lead_ps
    source: ArrivalSource = own or PulsedLight(
        light, before, after, fraction, bank.period_ps, bank.keys
    )
    if echo is not None and eve is None:
        echo = replace(echo, delay_ps=echo.delay_ps + lead_ps)
        source = _echoed(state, source, light, before, after, echo)
    if paths is not None and not all(counts):
        source = BrightLight(
            source, state.answers, light, paths, bank.period_ps, bank.keys[3]
        )
    return detect(
        state,
        source,
        k0,
        k1,
        delay_ps=light.delay_ps,
        spread=spread,
        pulse_fwhm_ps=light.pulse_fwhm_ps if own is None else 0.0,
        lead_ps=lead_ps,
        threads=threads,
    )


def _within_reach(spread: NDArray[np.float64], bank: Bank) -> NDArray[np.float64]:
    """Return of continuous light what is looked at.

    Raises OverflowError where more would give more clicks.
    """
    for photons, parameters in zip(spread, bank.parameters, strict=True):
        if photons > BRIGHTEST_SPREAD and parameters.rest_ps < bank.period_ps:
            raise OverflowError(
                f"{photons:.3g} detectable photons a period of continuous light reach "
                f"a detector that rests for {parameters.rest_ps:g} ps after a click; "
                f"{BRIGHTEST_SPREAD:g} can be followed: attenuate it"
            )
    return np.minimum(spread, BRIGHTEST_SPREAD)


def _echoed(
    state: DetectorState,
    source: ArrivalSource,
    light: Light,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    echo: Echo,
) -> ArrivalSource:
    """Return a source with a dim copy of all its pulses, some whole pulses later."""
    bank = state.bank
    pulses, late_ps = divmod(echo.delay_ps, bank.period_ps)
    keys = bank.keys.copy()
    keys[0] = stream_key(bank.seed, bank.component, "echo")
    copy = replace(light, first_pulse=light.first_pulse + pulses, dynamics=None)
    dim = PulsedLight(copy, before, echo.share * after, None, bank.period_ps, keys)
    return Echoed(source, dim, late_ps)


def _own_pulses(
    state: DetectorState,
    light: Light,
    after: NDArray[np.float64],
    interferometer: tuple[float, float] | None,
) -> LaserArrivals | None:
    """Return light whose pulses have instants and energies of their own.

    None for light without `dynamics`, and for light so bright that every pulse is
    visited: then `Light` has their sum in one width and one noise.
    """
    if light.dynamics is None:
        return None
    bank = state.bank
    source = LaserArrivals(
        light.dynamics,
        light,
        after,
        bank.period_ps,
        bank.seed,
        step_rad=light.phase_step_rad,
        interferometer=interferometer,
    )
    if interferometer is not None:
        return source
    return source if source.per_tick <= PULSES_PER_TICK * BRIGHT_MEAN else None


def _attacked(
    made: Collection,
    light: Light,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    eve: PhotonAttack,
) -> Clicks:
    """Return the clicks of pulses that Eve opens one by one."""
    bank = made.state.bank
    photons = PULSES_PER_TICK * eve.clicks_per_pulse()
    reserve = poisson_bound(photons + float(made.wires["dark_per_tick"].max()))
    made.open_rows(_ATTACKED_TICKS * reserve, _ATTACKED_TICKS)
    detectors, tick = (0, len(made.wires)), made.tick_begin
    while tick < made.tick_end:
        made.make_room(detectors, tick)
        tick = run_attacked_ticks(
            tick,
            min(tick + _ATTACKED_TICKS, made.tick_end),
            light.table.stokes,
            -light.first_pulse % light.n_contexts,
            before,
            after,
            eve.record(light),
            bank.period_ps,
            bank.keys,
            reserve,
            made.wires,
            made.rows,
        )
        if tick < 0:
            raise OverflowError("a tick holds more clicks than its bound")
    made.finish(detectors)
    return made.clicks()
