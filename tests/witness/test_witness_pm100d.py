"""Two clients of the PM100D that we did not write, over a raw socket."""

import pytest
from pymeasure.adapters import VISAAdapter
from pymeasure.instruments.thorlabs import ThorlabsPM100USB
from ThorlabsPM100 import ThorlabsPM100

METER = "alice.tap_meter"


@pytest.fixture
def adapter(served):
    line = VISAAdapter(
        served.address(METER, "visa"),
        visa_library="@py",
        read_termination="\n",
        write_termination="\n",
        timeout=5000,
    )
    yield line
    line.close()


def test_thorlabspm100_reads_what_it_has_set(served, visa):
    meter = ThorlabsPM100(inst=visa(served.address(METER, "visa")))
    meter.sense.correction.wavelength = 1310
    assert meter.sense.correction.wavelength == 1310
    meter.sense.correction.wavelength = 1550
    meter.sense.average.count = 20
    assert meter.sense.average.count == 20
    meter.configure.scalar.power()
    assert meter.getconfigure == "POW"
    watts = meter.read
    assert abs(watts) < 1e-3
    assert meter.system.error.next == '+0,"No error"'


# pymeasure's authors do not know that the PM100D speaks SCPI, and say so.
@pytest.mark.filterwarnings("ignore:It is not known whether:FutureWarning")
def test_pymeasure_knows_the_sensor_and_measures(adapter):
    meter = ThorlabsPM100USB(adapter)
    assert meter.is_power_sensor
    assert meter.wavelength_settable
    assert not meter.is_energy_sensor
    meter.wavelength = 1550
    assert meter.wavelength == 1550
    meter.wavelength = 100_000
    assert meter.wavelength == meter.wavelength_max
    meter.wavelength = 1550.12
    assert abs(meter.power) < 1e-3
    assert "PM100D" in meter.id
