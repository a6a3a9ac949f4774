"""Other people's clients on our simulators, unmodified, over a real socket."""

import numpy as np
import pytest
import pyvisa
from qcodes.instrument_drivers.Keysight import Keysight33622A as QcodesKeysight33622A
from transport.loopback_server import LoopbackServer

from qkdlab_sims.instruments import hp_8156a, keysight_33622a, thorlabs_pm100d

# Simulated instruments settle in seconds; their time runs faster here.
SPEED = 100.0


@pytest.fixture
def awg():
    simulator = keysight_33622a.Simulator()
    with LoopbackServer(simulator.endpoints["control"], SPEED) as server:
        yield simulator, f"TCPIP0::127.0.0.1::{server.port}::SOCKET"


@pytest.fixture
def visa():
    manager = pyvisa.ResourceManager("@py")
    opened = []

    def open_resource(resource):
        line = manager.open_resource(
            resource, read_termination="\n", write_termination="\n", timeout=5000
        )
        opened.append(line)
        return line

    yield open_resource
    for line in opened:
        line.close()


def test_qcodes_own_driver_drives_the_33622a(awg):
    simulator, resource = awg
    # "@py" in the address would be taken for a file: the library is an argument
    driver = QcodesKeysight33622A(
        "witness_33622a", resource, visalib="@py", silent=True
    )
    try:
        assert driver.model == "33622A"
        driver.ch1.function_type("SQU")
        driver.ch1.frequency(2.5e6)
        driver.ch1.amplitude_unit("VPP")
        driver.ch1.amplitude(1.25)
        driver.ch1.offset(-0.5)
        driver.ch1.output_polarity("INV")
        driver.ch1.output("ON")
        driver.ch2.burst_ncycles("INF")
        driver.ch2.trigger_source("EXT")
        driver.ch2.pulse_width(2e-8)
        driver.sync.source(2)
        driver.sync_channel_phases()
        assert driver.error() == (0, "No error")
        assert driver.ch1.function_type() == "SQU"
        assert driver.ch1.frequency() == 2.5e6
        assert driver.ch1.amplitude() == pytest.approx(1.25)
        assert driver.ch1.offset() == pytest.approx(-0.5)
        assert driver.ch1.output() == "ON"
        assert driver.ch2.burst_ncycles() == float("inf")
        assert driver.ch2.pulse_width() == pytest.approx(2e-8)
        assert driver.sync.source() == 2
        driver.write("NOPE")
        assert driver.error() == (-113, "Undefined header")
    finally:
        driver.close()
    out = simulator.output(1)
    assert out.enabled
    np.testing.assert_allclose(sorted(set(out.volts)), [-1.125, 0.125])


def test_a_pyvisa_script_uploads_binary_waveforms(awg, visa):
    simulator, resource = awg
    line = visa(resource)
    assert line.query("*IDN?").split(",")[1] == "33622A"
    codes = np.arange(-32764, 32764, 4, dtype=np.int16)
    line.write("SOUR2:DATA:VOL:CLE")
    line.write_binary_values(
        "SOUR2:DATA:ARB:DAC ramp,", codes, datatype="h", is_big_endian=True
    )
    assert line.query("SYST:ERR?") == '+0,"No error"'
    line.write("FORM:BORD SWAP")
    line.write_binary_values("SOUR2:DATA:ARB ramp2,", codes / 32767, datatype="f")
    line.write("SOUR2:FUNC:ARB ramp2")
    line.write("SOUR2:FUNC ARB;:SOUR2:VOLT 2 VPP;:SOUR2:FUNC:ARB:SRAT 1E9")
    assert line.query("*OPC?") == "1"
    assert line.query("SOUR2:DATA:VOL:CAT?").endswith('"RAMP","RAMP2"')
    assert line.query("SYST:ERR?") == '+0,"No error"'
    np.testing.assert_allclose(simulator.output(2).volts, codes / 32767, atol=1e-9)


def test_a_pyvisa_script_follows_the_examples_of_the_8156a_guide(visa):
    simulator = hp_8156a.Simulator()
    with LoopbackServer(simulator.endpoints["control"], SPEED) as server:
        line = visa(f"TCPIP0::127.0.0.1::{server.port}::SOCKET")
        assert line.query("*IDN?").startswith("HEWLETT-PACKARD, HP8156A,")
        line.write(":INP:ATT 32.15")
        assert float(line.query(":INP:ATT?")) == pytest.approx(32.15)
        assert line.query("*OPC?") == "1"
        line.write(":OUTP ON")
        assert line.query(":OUTP?") == "1"
        line.write(":OUTP:APOW LAST")
        assert line.query(":OUTP:APOW?") == "1"
        assert simulator.attenuation_db(server.now_ps()) == pytest.approx(32.15)


def test_a_pyvisa_script_measures_with_the_pm100d(visa):
    simulator = thorlabs_pm100d.Simulator()
    simulator.light = lambda t0_ps, t1_ps, lag_ps: 5e-6
    with LoopbackServer(simulator.endpoints["control"], SPEED) as server:
        line = visa(f"TCPIP0::127.0.0.1::{server.port}::SOCKET")
        assert line.query("*IDN?").startswith("THORLABS,PM100D,")
        line.write("sense:corr:wav 1550")
        assert float(line.query("sense:corr:wav?")) == 1550
        line.write("sense:average:count 50")
        line.write("configure:scalar:power")
        assert float(line.query("read?")) == pytest.approx(5e-6, rel=1e-3)
        assert float(line.query("measure:scalar:power?")) == pytest.approx(
            5e-6, rel=1e-3
        )
        assert line.query("syst:err?") == '+0,"No error"'
