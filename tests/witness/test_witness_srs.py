"""Clients of the SRS instruments that we did not write, on the served bench."""

import pytest
from pymeasure.adapters import VISAAdapter
from pymeasure.instruments.srs import SG380
from qcodes.instrument_drivers import stanford_research
from srsinst.dc205 import DC205, Keys

CLOCK = "alice.clock"
SOURCE = "alice.bias"


@pytest.fixture
def qcodes_clock(served):
    # "@py" in the address would be taken for a file: the library is an argument
    resource = served.address(CLOCK, "visa")
    clock = stanford_research.SG384("witness_sg384", resource, visalib="@py")
    was = (clock.frequency(), clock.phase(), clock.amplitude_RF(), clock.enable_RF())
    yield clock
    clock.frequency(was[0])
    clock.phase(was[1])
    clock.amplitude_RF(was[2])
    clock.enable_RF(was[3])
    clock.close()


@pytest.fixture
def dc205(served):
    source = DC205("serial", served.address(SOURCE, "pty"), 115200)
    was = (source.config.output, source.config.voltage_range, source.setting.voltage)
    yield source
    source.config.output = Keys.OFF
    source.config.voltage_range = was[1]
    source.setting.voltage = was[2]
    source.config.output = was[0]
    source.disconnect()


def test_qcodes_own_driver_finds_the_sg384(qcodes_clock):
    identity = qcodes_clock.get_idn()
    assert identity["vendor"] == "Stanford Research Systems"
    assert identity["model"] == "SG384"


def test_qcodes_own_driver_sets_the_sine(qcodes_clock):
    qcodes_clock.frequency(100e6)
    qcodes_clock.phase(12.5)
    qcodes_clock.amplitude_RF(11.25)
    qcodes_clock.enable_RF("ON")
    assert qcodes_clock.frequency() == 100e6
    assert qcodes_clock.phase() == 12.5
    assert qcodes_clock.amplitude_RF() == 11.25
    assert qcodes_clock.enable_RF() == "ON"
    assert qcodes_clock.ask("LERR?").strip() == "0"


def test_qcodes_own_driver_sets_the_other_output_and_the_modulation(qcodes_clock):
    qcodes_clock.amplitude_LF(-7.5)
    qcodes_clock.enable_LF("OFF")
    qcodes_clock.noise_mode("Mode 2")
    qcodes_clock.modulation_function("Square")
    qcodes_clock.modulation_type("Phi")
    qcodes_clock.modulation_rate(2500.0)
    qcodes_clock.FM_deviation(1234.5)
    qcodes_clock.modulation_coupling("DC")
    qcodes_clock.enable_modulation("OFF")
    assert qcodes_clock.amplitude_LF() == -7.5
    assert qcodes_clock.enable_LF() == "OFF"
    assert qcodes_clock.noise_mode() == "Mode 2"
    assert qcodes_clock.modulation_function() == "Square"
    assert qcodes_clock.modulation_type() == "Phi"
    assert qcodes_clock.modulation_rate() == 2500.0
    assert qcodes_clock.FM_deviation() == 1234.5
    assert qcodes_clock.modulation_coupling() == "DC"
    assert qcodes_clock.enable_modulation() == "OFF"
    assert qcodes_clock.ask("LERR?").strip() == "0"


@pytest.mark.filterwarnings("ignore:It is not known whether:FutureWarning")
def test_pymeasure_sets_the_sg384_without_blanks(served):
    adapter = VISAAdapter(served.address(CLOCK, "visa"), visa_library="@py")
    adapter.connection.read_termination = "\r\n"
    adapter.connection.write_termination = "\n"
    clock = SG380(adapter)
    try:
        was_hz = clock.frequency
        clock.frequency = 123456789.5
        assert clock.frequency == 123456789.5
        clock.frequency = was_hz
        clock.mod_type = "FM"
        clock.rate = 1500.0
        clock.fm_dev = 2000.0
        assert (clock.mod_type, clock.rate, clock.fm_dev) == ("FM", 1500.0, 2000.0)
        assert clock.ask("LERR?").strip() == "0"
    finally:
        adapter.close()


def test_the_makers_package_finds_the_dc205(dc205):
    vendor, model, serial, firmware = dc205.interface.id_string.split(",")
    assert (vendor, model) == ("Stanford Research Systems", "DC205")
    assert serial.startswith("s/n")
    assert firmware.strip().startswith("ver")


def test_the_makers_package_sets_a_voltage(dc205):
    dc205.config.output = Keys.OFF
    dc205.setting.set_voltage(4.25, auto_range=True)
    dc205.config.output = Keys.ON
    assert dc205.config.voltage_range == Keys.RANGE10
    assert dc205.setting.voltage == 4.25
    assert dc205.config.output == Keys.ON
    assert dc205.status.overload is False
    assert dc205.interface.operation_complete


def test_the_makers_package_reads_what_was_wrong(dc205):
    dc205.config.output = Keys.OFF
    dc205.config.voltage_range = Keys.RANGE1
    dc205.send("VOLT 1.2")
    assert dc205.status.last_execution_error == "Illegal value"
    dc205.send("NOPE 1")
    assert dc205.status.last_command_error == "Undefined command"
    assert dc205.status.last_execution_error == "No Error"


def test_the_makers_package_finds_the_interlock_of_the_100_v_range(dc205):
    dc205.config.output = Keys.OFF
    dc205.config.voltage_range = Keys.RANGE100
    assert dc205.status.interlock == Keys.OPEN
    dc205.config.output = Keys.ON
    assert dc205.config.output == Keys.OFF
    assert dc205.status.last_execution_error == "Not compatible"
