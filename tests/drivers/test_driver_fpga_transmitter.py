"""The FPGA transmitter's driver on its simulator."""

import numpy as np
import pytest
from drivers.mounted import mount
from drivers.role_conformance import DriverConformance, PatternGeneratorConformance

from qkdlab.errors import InstrumentError, InstrumentReplyError
from qkdlab.transport.recording import TrafficKind, recording
from qkdlab_drivers.open_hardware.spec import SPECS
from qkdlab_sims.instruments.open_fpga_transmitter import Simulator

(SPEC,) = SPECS
KEY = bytes(range(0xA0, 0xB0))
NONCE = bytes(range(0x50, 0x58))
SHARES = (11469, 1966, 8192, 1311, 8192, 1638)
INTENSITY_V = np.linspace(-1.9, 1.9, 12)
POLARIZATION_V = -INTENSITY_V


def make(options=None, faults=(), **sim_options):
    mounted = mount(SPEC, Simulator(**sim_options), options, faults)
    mounted.clock.sleep_until(30_000_000_000)  # until it has locked
    return mounted


class TestConformance(DriverConformance, PatternGeneratorConformance):
    spec = SPEC

    def mount(self, faults=()):
        return make({"max_samples": 5000}, faults)

    def use(self, driver):
        driver.load_waveforms({1: np.full(100, 0.5)}, 1e9)

    def output(self, mounted, channel):
        out = mounted.simulator.output(channel)
        return out.volts, out.sample_rate_hz, out.enabled, out.start_ps


class TestCounterConformance:
    """For the role CounterModeTransmitter."""

    def run(self, mounted):
        mounted.driver.load_tables(SHARES, INTENSITY_V, POLARIZATION_V)
        mounted.driver.load_key(KEY, NONCE)
        mounted.driver.start_counter(1e9, 65536)
        return mounted.simulator.counter()

    def test_key_and_tables_are_those_that_were_loaded(self, mounted):
        run = self.run(mounted)
        assert run.key == KEY
        assert (run.nonce, run.shares) == (NONCE, SHARES)
        np.testing.assert_allclose(run.volts[:12, 0], INTENSITY_V, atol=2e-4)
        np.testing.assert_allclose(run.volts[:12, 1], POLARIZATION_V, atol=2e-4)
        assert mounted.simulator.output(1).sample_rate_hz == 1e9

    def test_the_volts_returned_are_those_given(self, mounted):
        given = mounted.driver.load_tables(SHARES, INTENSITY_V, POLARIZATION_V)
        run = self.run(mounted)
        np.testing.assert_allclose(np.stack(given, axis=1), run.volts[:12], atol=1e-12)

    def test_the_pulse_counter_counts_pulses_and_rests_after_the_run(self, mounted):
        run = self.run(mounted)
        mounted.clock.sleep_until(run.start_ps + 5_000_000_000)
        count = mounted.driver.pulse_count()
        assert 5_000_000 <= count <= 8_000_000
        mounted.driver.stop()
        last = mounted.driver.pulse_count()
        mounted.clock.sleep_until(mounted.clock.now_ps() + 1_000_000_000)
        assert mounted.driver.pulse_count() == last > count

    def test_a_key_serves_one_run(self, mounted):
        self.run(mounted)
        mounted.driver.stop()
        with pytest.raises(InstrumentError, match='302 "No key"'):
            mounted.driver.start_counter(1e9, 65536)

    @pytest.mark.parametrize("leave", ["stop", "safe_state"])
    def test_leaving_ends_the_run_and_erases_the_key(self, mounted, leave):
        self.run(mounted)
        getattr(mounted.driver, leave)()
        assert mounted.simulator.counter() is None
        assert mounted.simulator.board.key is None
        assert not mounted.simulator.board.output_on

    def test_without_tables_it_does_not_start(self, mounted):
        mounted.driver.load_key(KEY, NONCE)
        with pytest.raises(InstrumentError, match='305 "No tables"'):
            mounted.driver.start_counter(1e9, 65536)

    def test_without_reference_it_does_not_start(self):
        mounted = make(reference_present=False)
        mounted.driver.load_tables(SHARES, INTENSITY_V, POLARIZATION_V)
        mounted.driver.load_key(KEY, NONCE)
        with pytest.raises(InstrumentError, match="not locked"):
            mounted.driver.start_counter(1e9, 65536)
        assert mounted.simulator.counter() is None
        mounted.driver.close()

    def test_broken_limits_are_refused_before_anything_is_sent(self, mounted):
        driver = mounted.driver
        heard = len(mounted.heard())
        for refused in (
            lambda: driver.load_key(KEY[:15], NONCE),
            lambda: driver.load_key(KEY, NONCE + NONCE),
            lambda: driver.load_tables(SHARES[:5], INTENSITY_V, POLARIZATION_V),
            lambda: driver.load_tables([5000] * 6, INTENSITY_V, POLARIZATION_V),
            lambda: driver.load_tables(SHARES, 2 * INTENSITY_V, POLARIZATION_V),
            lambda: driver.load_tables(SHARES, np.nan * INTENSITY_V, POLARIZATION_V),
            lambda: driver.start_counter(3e8, 65536),
            lambda: driver.start_counter(2e9, 65536),
            lambda: driver.start_counter(1e9, 65537),
            lambda: driver.start_counter(1e9, 512),
        ):
            with pytest.raises(InstrumentError) as caught:
                refused()
            assert caught.value.hint
        assert len(mounted.heard()) == heard


@pytest.fixture
def mounted():
    mounted = make()
    yield mounted
    mounted.driver.close()


def test_no_witness_sees_the_key(mounted):
    seen = []
    line = mounted.driver.line
    line.transport = recording(line.transport, mounted.clock, seen.append)
    mounted.driver.load_key(KEY, NONCE)
    assert mounted.simulator.board.key == KEY
    assert not any(KEY in one.data or NONCE in one.data for one in seen)
    written = [one.data for one in seen if one.kind is TrafficKind.WRITE]
    assert b"<29 secret bytes>" in written


def test_the_key_is_in_no_error_and_no_repr(mounted):
    mounted.driver.load_tables(SHARES, INTENSITY_V, POLARIZATION_V)
    mounted.driver.load_key(KEY, NONCE)
    mounted.driver.start_counter(1e9, 65536)
    with pytest.raises(InstrumentError) as caught:
        mounted.driver.load_key(KEY + KEY, NONCE)
    shown = (
        f"{caught.value} {mounted.simulator.board!r} {mounted.simulator.counter()!r}"
    )
    assert repr(KEY) not in shown


def test_a_table_that_arrived_damaged_is_told(mounted, monkeypatch):
    board = mounted.simulator.board
    damaged = property(lambda self: b"x" * 1024, lambda self, data: None)
    monkeypatch.setattr(type(board), "levels", damaged, raising=False)
    with pytest.raises(InstrumentReplyError, match="something else"):
        mounted.driver.load_tables(SHARES, INTENSITY_V, POLARIZATION_V)


def test_a_pattern_follows_a_counter_run(mounted):
    mounted.driver.load_tables(SHARES, INTENSITY_V, POLARIZATION_V)
    mounted.driver.load_key(KEY, NONCE)
    mounted.driver.start_counter(1e9, 65536)
    mounted.driver.load_waveforms({1: np.full(64, 0.5)}, 1e9)
    mounted.driver.start()
    assert mounted.simulator.counter() is None
    assert mounted.simulator.output(1).volts == pytest.approx(
        np.full(64, 0.5), abs=2e-4
    )
    assert mounted.simulator.board.key is None


def test_another_version_of_the_dialect_is_refused(mounted):
    find = mounted.simulator.machine.commands.find
    mounted.simulator.machine.commands.find = lambda typed, query: (
        ((lambda call: "2.0"), ()) if typed == ("SYST", "VERS") else find(typed, query)
    )
    with pytest.raises(InstrumentError, match=r"version 2\.0"):
        mounted.driver.identify()
