"""pylablib's client of the OZ Optics DD-100, on every line it can use."""

import pytest
from pylablib.devices.OZOptics import DD100

LOSS = "channel.attenuator"


@pytest.fixture(scope="module", params=["pty", "rfc2217", "tcp"])
def attenuator(served, request):
    """Open the unit as pyserial writes its port."""
    port = served.address(LOSS, request.param)
    port = f"socket://{port}" if request.param == "tcp" else port
    with DD100(("serial", (port, 9600))) as client:
        client.home()
        yield client
        client.set_attenuation(2.0)


def test_pylablib_reads_the_limits(attenuator):
    assert attenuator.get_min_attenuation() == pytest.approx(1.2)
    assert attenuator.get_max_attenuation() == pytest.approx(60.0)


def test_pylablib_sets_and_asks_back(attenuator):
    assert attenuator.set_attenuation(17.25) == pytest.approx(17.25, abs=0.01)
    assert attenuator.get_attenuation() == pytest.approx(17.25, abs=0.01)


def test_pylablib_goes_to_the_limit_when_the_unit_refuses(attenuator):
    """It tries the value first, and reads the limits when an error line comes."""
    assert attenuator.set_attenuation(99.0) == pytest.approx(60.0)


def test_pylablib_hears_of_a_command_that_the_unit_does_not_know(attenuator):
    with pytest.raises(DD100.Error, match="Error-2"):
        attenuator.query("NONSENSE")
