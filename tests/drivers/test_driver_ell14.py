"""The ELL14 driver on the simulated bus, and against exchanges typed by hand."""

import pytest
from drivers.mounted import Spy, mount
from drivers.role_conformance import DriverConformance
from drivers.role_conformance_receiver import RotatorConformance

from qkdlab.clock import VirtualClock, seconds
from qkdlab.errors import InstrumentError, InstrumentReplyError, InstrumentTimeout
from qkdlab_drivers.thorlabs.ell14 import ThorlabsEll14
from qkdlab_drivers.thorlabs.spec import SPECS, Ell14Options
from qkdlab_sims.instruments.machine import ByteOutbox
from qkdlab_sims.instruments.thorlabs_ell14 import Simulator
from qkdlab_sims.mount.inprocess import InProcessByteTransport

SPEC = next(spec for spec in SPECS if spec.name == "thorlabs.ell14")
BYTE_PS = seconds(10 / 9600)


def make(options=None, faults=(), **sim_options):
    sim_options.setdefault("addresses", (0, 1, 2))
    return mount(
        SPEC, Simulator(**sim_options), {"address": 1, **(options or {})}, faults
    )


class TestConformance(DriverConformance, RotatorConformance):
    spec = SPEC

    def mount(self, faults=()):
        return make(faults=faults)

    def use(self, driver):
        driver.set_angle_deg(10.0)

    def true_angle_deg(self, mounted):
        return mounted.simulator.angle_deg(1, mounted.clock.now_ps())


class Script:
    """A machine that answers by a table, whatever the protocol says."""

    def __init__(self, answers):
        self.answers = dict(answers)
        self.outbox = ByteOutbox()

    def feed(self, data, now_ps):
        self.outbox.put(self.answers.get(data, b""), now_ps)

    def take(self, now_ps):
        return self.outbox.take(now_ps)

    def next_wake_ps(self):
        return self.outbox.next_wake_ps()


@pytest.fixture
def scripted():
    made = []

    def make_one(answers, **options):
        clock = VirtualClock()
        spy = Spy(Script(answers))
        line = InProcessByteTransport("bus", spy, clock)
        checked = Ell14Options.model_validate({"address": 0, **options})
        name = f"scripted_{len(made)}"
        driver = ThorlabsEll14(name, {"control": line}, checked, clock)
        made.append(driver)
        return driver, spy

    yield make_one
    for driver in made:
        driver.close()


# Typed from the protocol, not from the simulator.
IDENTITY = b"0IN0E1140009420221701016800023000\r\n"


def test_identity_byte_for_byte(scripted):
    driver, spy = scripted({b"0in": IDENTITY})
    assert driver.identify() == {
        "vendor": "Thorlabs",
        "model": "ELL14",
        "serial": "11400094",
        "firmware": "17",
    }
    assert spy.heard == [b"0in"]


def test_a_quarter_turn_is_35840_pulses(scripted):
    driver, spy = scripted({b"0ma00008C00": b"0PO00008C00\r\n"})
    driver.set_angle_deg(90.0)
    assert spy.heard == [b"0ma00008C00"]


def test_positions_are_signed(scripted):
    driver, _ = scripted({b"0gp": b"0POFFFFBA00\r\n"})
    assert driver.get_angle_deg() == pytest.approx(315.0)


def test_the_zero_of_the_plate_is_added_to_the_motor(scripted):
    driver, spy = scripted(
        {b"0ma00004600": b"0PO00004600\r\n", b"0gp": b"0PO00004600\r\n"}, zero_deg=-45.0
    )
    driver.set_angle_deg(90.0)
    assert driver.get_angle_deg() == pytest.approx(90.0)
    assert spy.heard == [b"0ma00004600", b"0gp"]


def test_button_messages_and_busy_are_passed_over(scripted):
    driver, _ = scripted(
        {b"0ma00008C00": b"0GS09\r\n1BO00000010\r\n0GS09\r\n0PO00008C00\r\n"}
    )
    driver.set_angle_deg(90.0)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (b"0GS02\r\n", InstrumentError, "mechanical timeout"),
        (b"0GS0C\r\n", InstrumentError, "out of range"),
        (b"0PO00004600\r\n", InstrumentError, "stopped -45.00 degrees off"),
        (b"1PO00008C00\r\n", InstrumentReplyError, "from address 1"),
        (b"0GJ00008C00\r\n", InstrumentReplyError, "GJ00008C00"),
        (b"\x80\xff\r\n", InstrumentReplyError, "answered"),
        (b"0GS09\r\n", InstrumentTimeout, "no answer to ma00008C00 from address 0"),
        (b"", InstrumentTimeout, "no answer"),
        (b"0PO0000", InstrumentTimeout, "no answer"),
    ],
)
def test_a_move_that_fails_is_told(scripted, answer, error, words):
    driver, _ = scripted({b"0ma00008C00": answer})
    with pytest.raises(error, match=words) as caught:
        driver.set_angle_deg(90.0)
    assert driver.name in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("identity", "error", "words"),
    [
        (IDENTITY.replace(b"IN0E", b"IN09"), InstrumentError, "found .* type 09"),
        (b"0IN0E\r\n", InstrumentReplyError, "answered"),
        (b"0GS00\r\n", InstrumentReplyError, "answered"),
    ],
)
def test_another_model_is_named_and_not_written_to(scripted, identity, error, words):
    driver, spy = scripted({b"0in": identity}, velocity_percent=60)
    with pytest.raises(error, match=words):
        driver.identify()
    assert spy.heard == [b"0in"]


def test_the_velocity_is_written_when_it_is_identified():
    mounted = make({"velocity_percent": 60})
    mounted.driver.identify()
    assert mounted.simulator.motors[1].velocity_percent == 60
    assert mounted.driver.velocity_percent() == 60
    mounted.driver.close()


def test_a_late_answer_is_not_taken_for_the_next_one():
    mounted = make({"move_timeout_s": 0.1})
    with pytest.raises(InstrumentTimeout):
        mounted.driver.set_angle_deg(180.0)
    mounted.clock.sleep_until(seconds(5))
    assert mounted.driver.get_angle_deg() == pytest.approx(180.0)
    mounted.driver.set_angle_deg(170.0)
    assert mounted.driver.get_angle_deg() == pytest.approx(170.0, abs=0.01)
    mounted.driver.close()


def test_a_stalled_motor_is_told():
    mounted = make()
    mounted.simulator.motors[1].velocity_percent = 20
    with pytest.raises(InstrumentError, match="mechanical timeout"):
        mounted.driver.set_angle_deg(90.0)
    mounted.driver.close()


def test_moves_in_quick_succession_do_not_run_to_zero():
    mounted = make(rushed_moves_go_to_zero=True)
    for angle_deg in (10.0, 20.0, 30.0):
        mounted.driver.set_angle_deg(angle_deg)
        assert mounted.driver.get_angle_deg() == pytest.approx(angle_deg, abs=0.01)
    mounted.driver.close()


def test_a_motor_that_was_switched_on_elsewhere_finds_its_zero_by_homing():
    mounted = make(unhomed_deg=37.0, accuracy_deg=0.0)
    mounted.driver.set_angle_deg(10.0)
    now_ps = mounted.clock.now_ps()
    assert mounted.simulator.angle_deg(1, now_ps) == pytest.approx(47.0, abs=0.01)
    mounted.driver.home()
    mounted.driver.set_angle_deg(10.0)
    now_ps = mounted.clock.now_ps()
    assert mounted.simulator.angle_deg(1, now_ps) == pytest.approx(10.0, abs=0.01)
    mounted.driver.close()


@pytest.fixture
def three():
    clock = VirtualClock()
    simulator = Simulator(addresses=(0, 1, 2), accuracy_deg=0.0)
    line = InProcessByteTransport(
        "plates", simulator.endpoints["control"], clock, byte_time_ps=BYTE_PS
    )
    drivers = [
        ThorlabsEll14(f"plate_{n}", {"control": line}, Ell14Options(address=n), clock)
        for n in range(3)
    ]
    yield clock, simulator, drivers
    for driver in drivers:
        driver.close()


def test_three_motors_share_one_line(three):
    clock, simulator, drivers = three
    for n, driver in enumerate(drivers):
        driver.identify()
        driver.set_angle_deg(10.0 * (n + 1))
    now = clock.now_ps()
    angles = [simulator.angle_deg(n, now) for n in range(3)]
    assert angles == pytest.approx([10.0, 20.0, 30.0], abs=0.01)


def test_three_moves_take_the_sum_of_their_times(three):
    clock, _, drivers = three
    for driver in drivers:
        driver.set_angle_deg(60.0)
    assert clock.now_ps() / 1e12 == pytest.approx(3 * 60 / 430, abs=0.1)


def test_the_last_user_closes_the_line(three):
    _, _, drivers = three
    drivers[0].close()
    drivers[1].close()
    drivers[2].get_angle_deg()
    line = drivers[2]._bus._transport
    drivers[2].close()
    assert line.closed


def test_parties_on_one_bus_take_turns(three):
    clock, simulator, drivers = three
    order = []

    def turn(n):
        def body():
            drivers[n].set_angle_deg(90.0 * (n + 1))
            order.append((n, clock.now_ps()))

        return body

    for n in range(3):
        clock.spawn(f"party{n}", turn(n))
    clock.run()
    assert sorted(n for n, _ in order) == [0, 1, 2]
    now = clock.now_ps()
    angles = [simulator.angle_deg(n, now) for n in range(3)]
    assert angles == pytest.approx([90.0, 180.0, 270.0], abs=0.01)
