"""The WebSQ driver on its simulator, and against messages typed by hand."""

import json

import pytest
from drivers.mounted import Spy, mount
from drivers.role_conformance import DriverConformance
from drivers.role_conformance_receiver import BiasSourceConformance

from qkdlab.clock import VirtualClock, seconds
from qkdlab.errors import InstrumentError, InstrumentReplyError, InstrumentTimeout
from qkdlab_drivers.singlequantum.spec import SPECS, WebsqOptions
from qkdlab_drivers.singlequantum.websq import SingleQuantumWebsq
from qkdlab_sims.instruments.machine import ByteOutbox
from qkdlab_sims.instruments.singlequantum_websq import Simulator
from qkdlab_sims.mount.inprocess import InProcessByteTransport

(SPEC,) = SPECS


def make(options=None, faults=(), **sim_options):
    return mount(SPEC, Simulator(**sim_options), options, faults)


class TestConformance(DriverConformance, BiasSourceConformance):
    spec = SPEC

    def mount(self, faults=()):
        return make(faults=faults)

    def use(self, driver):
        driver.set_bias_ua([1.0, 2.0, 3.0, 4.0])

    def true_bias_ua(self, mounted):
        return mounted.simulator.bias_ua()

    def give_counts(self, mounted, rates_hz):
        simulator, begin = mounted.simulator, mounted.clock.now_ps()
        before = simulator.counts(begin)

        def counts(t_ps):
            elapsed_s = max(0, t_ps - begin) / 1e12
            return [
                b + int(r * elapsed_s) for b, r in zip(before, rates_hz, strict=True)
            ]

        simulator.counts = counts


class Script:
    """A control port that answers by a table, whatever the protocol says."""

    def __init__(self, answer):
        self.answer = answer
        self.outbox = ByteOutbox()

    def feed(self, data, now_ps):
        for reply in self.answer(json.loads(data)):
            self.outbox.put(reply, now_ps)

    def take(self, now_ps):
        return self.outbox.take(now_ps)

    def next_wake_ps(self):
        return self.outbox.next_wake_ps()


class Lines:
    """A counts port that sends given bytes at given times."""

    def __init__(self, pieces=()):
        self.outbox = ByteOutbox()
        for at_s, data in pieces:
            self.outbox.put(data, seconds(at_s))

    def feed(self, data, now_ps):
        pass

    def take(self, now_ps):
        return self.outbox.take(now_ps)

    def next_wake_ps(self):
        return self.outbox.next_wake_ps()


# Typed from the protocol, not from the simulator.
DESCRIPTION = (
    b'{"label":"NumberOfDetectors","value":{"value":2}}\x17'
    b'{"label":"InptMeasurementPeriod","value":{"value":100,"min":10}}\x17'
    b'{"label":"BiasCurrent","value":{"value":[1.5,2.5],"unit":"uA"}}\x17'
    b'{"label":"DetectorEnable","value":{"value":true}}\x17'
    b'{"label":"BiasVoltage","value":{"value":[0,0]}}\x17'
)
VOLTAGES = b'{"label":"BiasVoltage","value":[7.5,2110]}\x17'


def plain(message):
    if message.get("request") == "labelProps":
        return [DESCRIPTION]
    if message.get("request") == "BiasVoltage":
        return [VOLTAGES]
    return []


@pytest.fixture
def scripted():
    made = []

    def make_one(answer=plain, counts=(), **options):
        clock = VirtualClock()
        spy = Spy(Script(answer))
        lines = {
            "control": InProcessByteTransport("control", spy, clock),
            "counts": InProcessByteTransport("counts", Lines(counts), clock),
        }
        checked = WebsqOptions.model_validate({"n_detectors": 2, **options})
        made.append(SingleQuantumWebsq(f"websq_{len(made)}", lines, checked, clock))
        return made[-1], spy

    yield make_one
    for driver in made:
        driver.close()


def test_what_it_sends_is_bare_json(scripted):
    driver, spy = scripted()
    with pytest.raises(InstrumentError, match=r"to 1\.5 uA instead of 3 uA"):
        driver.set_bias_ua([3.0, 2.5])
    assert spy.heard == [
        b'{"command": "SetAllBiasCurrents", "label": "BiasCurrent",'
        b' "value": [3.0, 2.5]}',
        b'{"request": "labelProps", "value": "None"}',
        b'{"request": "BiasVoltage"}',
    ]


def test_values_come_from_descriptions_and_updates(scripted):
    driver, _ = scripted()
    assert driver.get_bias_ua() == [1.5, 2.5]
    assert driver.get_voltages_mv() == [7.5, 2110.0]
    assert driver.enabled() is True
    assert driver.measurement_period_ms() == 100


def test_a_broadcast_in_between_does_no_harm(scripted):
    def answer(message):
        return [
            b'{"label":"TriggerLevel","value":[9,9]}\x17{"label":"Board',
            b'Temp","value":31}\x17',
            *plain(message),
        ]

    driver, _ = scripted(answer)
    assert driver.get_bias_ua() == [1.5, 2.5]


def test_a_complaint_is_raised_with_its_words(scripted):
    def answer(message):
        if "command" in message:
            return [b'{"label":"BiasError","value":"module 2 is hot"}\x17']
        return plain(message)

    driver, _ = scripted(answer)
    with pytest.raises(InstrumentError, match="module 2 is hot"):
        driver.set_bias_ua([1.5, 2.5])


def test_a_complaint_that_nobody_asked_for_is_logged(scripted, caplog):
    driver, spy = scripted()
    spy.machine.outbox.put(b'{"label":"ErrorMessage","value":"cryostat warm"}\x17', 0)
    assert driver.get_voltages_mv() == [7.5, 2110.0]
    assert "cryostat warm" in caplog.text


@pytest.mark.parametrize(
    "reply",
    [
        b"nonsense\x17",
        b"[1]\x17",
        b'{"value":1}\x17',
        b'{"label":7,"value":1}\x17',
        b'{"label":"BiasVoltage","value":[1]}\x17',
        b'{"label":"BiasVoltage","value":["a",1]}\x17',
        b'{"label":"BiasVoltage","value":[true,1]}\x17',
    ],
)
def test_a_reply_that_is_none_is_told(scripted, reply):
    driver, _ = scripted(lambda message: [reply])
    with pytest.raises(InstrumentReplyError) as caught:
        driver.get_voltages_mv()
    assert driver.name in str(caught.value)


def test_another_number_of_detectors_is_named_and_not_written_to(scripted):
    driver, spy = scripted(
        n_detectors=4, measurement_period_ms=50, trigger_levels_mv=[1, 2, 3, 4]
    )
    with pytest.raises(InstrumentError, match="2 detectors instead of 4"):
        driver.identify()
    assert not any(b"command" in data for data in spy.heard)


def test_a_device_without_the_labels_is_named(scripted):
    def answer(message):
        return [VOLTAGES]

    driver, _ = scripted(answer)
    with pytest.raises(InstrumentError, match="without the labels NumberOfDetectors"):
        driver.identify()


def test_settings_for_opening_are_written_when_it_is_identified():
    levels = [10.0, 20.0, 30.0, 40.0]
    mounted = make({"measurement_period_ms": 50, "trigger_levels_mv": levels})
    mounted.driver.identify()
    assert mounted.driver.measurement_period_ms() == 50
    assert mounted.driver.trigger_levels_mv() == levels
    mounted.driver.close()


def test_setting_for_opening_that_is_refused_is_no_other_device():
    mounted = make({"trigger_levels_mv": [1.0]})
    with pytest.raises(InstrumentReplyError, match="list of 4"):
        mounted.driver.identify()
    mounted.driver.close()


def test_a_latched_detector_shows_volts():
    mounted = make()
    mounted.driver.set_enabled(True)
    mounted.driver.set_bias_ua([20.0, 20.0, 33.0, 20.0])
    voltages = mounted.driver.get_voltages_mv()
    assert voltages[2] > 1000
    assert max(voltages[:2]) < 100
    mounted.driver.close()


def test_safe_state_switches_off_even_when_the_bias_cannot_be_read_back():
    mounted = make({"bias_tolerance_ua": 0.001}, bias_step_ua=0.01)
    mounted.driver.set_enabled(True)
    mounted.driver.set_bias_ua([20.0] * 4)
    mounted.driver.options = WebsqOptions(bias_tolerance_ua=1e-9)
    mounted.simulator.rack._set_bias = lambda currents, now_ps: None
    with pytest.raises(InstrumentError, match="20 uA instead of 0 uA"):
        mounted.driver.safe_state()
    assert not any(mounted.simulator.bias_ua())
    mounted.driver.close()


def test_lines_in_pieces_or_together_are_all_counted(scripted):
    driver, _ = scripted(
        counts=[
            (0.1, b"1.1,900"),
            (0.11, b",900\n1.2,50,500\n1.3,10,"),
            (0.3, b"100\n1.4,20,200\n"),
        ]
    )
    assert driver.count_rates_hz(0.2) == pytest.approx([300.0, 3000.0])


def test_a_line_half_received_before_counting_is_not_counted(scripted):
    driver, _ = scripted(
        counts=[(0.0, b"1.0,7,7\n1.1,9"), (0.2, b"00,900\n1.2,5,5\n1.3,10,100\n")]
    )
    assert driver.count_rates_hz(0.1) == pytest.approx([100.0, 1000.0])


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"1.0,2\n", InstrumentReplyError),
        (b"1.0,2,x\n", InstrumentReplyError),
        (b"1.0,2,-3\n", InstrumentReplyError),
        (b"1.0,2,nan\n", InstrumentReplyError),
        (b"no line at all", InstrumentTimeout),
        (b"", InstrumentTimeout),
    ],
)
def test_counts_that_are_none_are_told(scripted, line, error):
    driver, _ = scripted(counts=[(0.1, line)])
    with pytest.raises(error) as caught:
        driver.count_rates_hz(0.1)
    assert driver.name in str(caught.value)
    assert caught.value.hint
