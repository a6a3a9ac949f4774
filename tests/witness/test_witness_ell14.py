"""Three clients of the ELL14 that we did not write, on every line they can use.

thorlabs-elliptec and elliptec open device files alone, so they see the terminal only;
pylablib takes whatever pyserial takes.
"""

import time

import elliptec
import pytest
import thorlabs_elliptec
from pylablib.devices.Thorlabs import ElliptecMotor

BUS = "bob.plates"


@pytest.fixture(params=["pty", "rfc2217", "tcp"])
def port(served, request):
    """Give the bus as pyserial writes it."""
    if request.param == "tcp":
        return f"socket://{served.address(BUS, 'tcp')}"
    return served.address(BUS, request.param)


def test_pylablib_turns_the_plates_one_by_one(port):
    with ElliptecMotor(("serial", (port, 9600)), addrs=[0, 1, 2]) as motor:
        assert motor.get_connected_addrs() == [0, 1, 2]
        info = motor.get_device_info(addr=1)
        assert (info.model_no, info.travel, info.pulse) == (14, 360, 143360)
        assert motor.home(addr=1)
        assert motor.move_to(45.0, addr=1)
        assert motor.get_position(addr=1) == pytest.approx(45.0, abs=0.05)
        assert motor.move_by(-15.0, addr=1)
        assert motor.get_position(addr=1) == pytest.approx(30.0, abs=0.1)
        assert motor.get_status(addr=1) == "ok"
        assert motor.set_velocity(60, addr=2) == 60
        assert motor.set_velocity(100, addr=2) == 100


@pytest.mark.parametrize("way", ["pty", "rfc2217"])
def test_pylablib_waits_for_every_byte_at_9600_baud(served, way):
    """The served world is never ahead of the host: no machine is fast enough to fail.

    A question has 3 bytes and its answer 13, of ten bits each.
    """
    with ElliptecMotor(
        ("serial", (served.address(BUS, way), 9600)), addrs=[0]
    ) as motor:
        motor.get_position(addr=0)
        begin_s = time.monotonic()
        for _ in range(20):
            motor.get_position(addr=0)
        assert time.monotonic() - begin_s > 20 * 16 * 10 / 9600


def test_pylablib_finds_nobody_at_an_address_without_a_motor(served):
    line = ("serial", (served.address(BUS, "pty"), 9600))
    with pytest.raises(ElliptecMotor.Error, match="could not detect"):
        ElliptecMotor(line, addrs=[7])


def test_pylablib_cannot_use_its_own_sockets_for_an_ell14(served):
    """Its network backend wants bytes where the class of the motor gives text."""
    with pytest.raises(TypeError, match=r"can only concatenate str \(not \"bytes\"\)"):
        ElliptecMotor(("network", served.host_and_port(BUS)), addrs=[0])


def test_thorlabs_elliptec_homes_and_moves(served):
    stage = thorlabs_elliptec.ELLx(served.address(BUS, "pty"), x=14, device_id=0)
    try:
        assert stage.model_number == "ELL14/M"
        stage.home(blocking=True)
        stage.move_absolute(90.0, blocking=True)
        assert stage.get_position() == pytest.approx(90.0, abs=0.05)
        stage.move_relative(-30.0, blocking=True)
        assert stage.get_position() == pytest.approx(60.0, abs=0.1)
        assert stage.status == thorlabs_elliptec.ELLStatus.OK
    finally:
        stage.close()
        # It goes on talking in a thread of its own for a while (its docstring says so),
        # and whoever opens the line next would hear half of the answers.
        stage._thread.join(10.0)
        assert not stage._thread.is_alive()


def test_elliptec_finds_and_turns_a_rotator(served):
    with elliptec.Controller(served.address(BUS, "pty"), debug=False) as controller:
        rotator = elliptec.Rotator(controller, address="2", debug=False)
        assert rotator.motor_type == 14
        rotator.home()
        assert rotator.set_angle(120.0) == pytest.approx(120.0, abs=0.05)
        assert rotator.get_angle() == pytest.approx(120.0, abs=0.05)
        rotator.shift_angle(10.0)
        assert rotator.get_angle() == pytest.approx(130.0, abs=0.1)
