"""The ID900 driver, message by message: what it says, and what it makes of answers."""

import numpy as np
import pytest
from drivers.mounted import Spy

from qkdlab.clock import VirtualClock, seconds
from qkdlab.errors import (
    InstrumentDisconnected,
    InstrumentError,
    InstrumentReplyError,
    InstrumentTimeout,
)
from qkdlab_drivers.idquantique.id900 import IdQuantiqueId900
from qkdlab_drivers.idquantique.spec import Id900Options
from qkdlab_sims.instruments.machine import MessageOutbox
from qkdlab_sims.mount.inprocess import InProcessMessageTransport

PERIOD_PS = 800_000_000
MS = seconds(0.001)


class Script:
    """A socket that answers by a function; what it says unasked is put beside."""

    def __init__(self, answer=lambda text: None):
        self.answer = answer
        self.outbox = MessageOutbox()

    def feed(self, message, now_ps):
        reply = self.answer(message.decode())
        if reply is not None:
            self.outbox.put(reply, now_ps)

    def take(self, now_ps):
        return self.outbox.take(now_ps)

    def next_wake_ps(self):
        return self.outbox.next_wake_ps()


# Typed from the vendor's samples and the manual, not from the simulator.
def unit(text):
    answers = {
        "*IDN?": b"IDQ ID900 Serial : 1234567 v1",
        "DEVI:RES:BWID?": b"13",
        "INPU1:ENAB?;:STAR:ENAB?": b"ON;ON",
        "REC:STAG?;:RAW1:ERRORS?": b"PLAYING;0",
    }
    return answers.get(text, b"done")


def service(text):
    if text == "list":
        return b"[]"
    if text.startswith("start-stream"):
        return b'{"id":"169.254.99.1:5556"}'
    if text.startswith("status"):
        return b'{"acquisitions_count":0,"inactivity":0.1,"timestamps_count":3}'
    return b'{"status":{"acquisitions_count":1}}'


@pytest.fixture
def scripted():
    made = []

    def make_one(control=unit, datalink=service, **options):
        clock = VirtualClock()
        scripts = {
            "control": Spy(Script(control)),
            "datalink": Spy(Script(datalink)),
            "stream1": Spy(Script()),
        }
        lines = {
            name: InProcessMessageTransport(name, spy, clock)
            for name, spy in scripts.items()
        }
        checked = Id900Options.model_validate({"n_inputs": 1, **options})
        driver = IdQuantiqueId900(f"id900_{len(made)}", lines, checked, clock)
        made.append(driver)
        return driver, scripts

    yield make_one
    for driver in made:
        driver.close()


def test_timestamps_byte_for_byte(scripted):
    driver, scripts = scripted()
    driver.start(PERIOD_PS, 1e3)
    say = scripts["stream1"].machine.outbox.put
    # before the first reference; 1000 ps after it; 5 ps after the third
    say(bytes.fromhex("640000000000000000000000000000000"[:32]), 0)
    say(
        bytes.fromhex("e8030000000000000100000000000000")
        + bytes.fromhex("05000000000000000300000000000000"),
        0,
    )
    block = driver.read(20 * MS)
    assert block.t.tolist() == [1000, 2 * PERIOD_PS + 5]
    assert block.ch.tolist() == [0, 0]
    assert (block.t_begin, block.t_end, block.lost) == (0, 20 * MS, ())


def test_timestamps_in_bins_and_references_from_zero(scripted):
    driver, scripts = scripted(timestamp_unit="bins", first_ref_index=0)
    driver.start(PERIOD_PS, 1e3)
    events = np.array([[100, 0], [7, 1], [8, 1]], "<u8")
    scripts["stream1"].machine.outbox.put(events.tobytes(), 0)
    block = driver.read(20 * MS)
    assert block.t.tolist() == [1300, PERIOD_PS + 91, PERIOD_PS + 104]


def test_identity_of_a_plain_answer(scripted):
    driver, _ = scripted()
    assert driver.identify() == {
        "vendor": "ID Quantique",
        "model": "ID900",
        "serial": "1234567",
    }


def test_another_model_is_named_and_not_written_to(scripted):
    driver, scripts = scripted(
        lambda text: b"Keysight Technologies,33622A,MY1,2", sync="external"
    )
    with pytest.raises(InstrumentError, match="found 'Keysight Technologies,33622A"):
        driver.identify()
    assert scripts["control"].heard == [b"*IDN?"]


def test_a_missing_service_is_named(scripted):
    driver, _ = scripted(datalink=lambda text: None)
    with pytest.raises(InstrumentTimeout, match="DataLink service runs"):
        driver.identify()


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (b"REC SCPI_ERR_INVALID_CMD", InstrumentError, "SCPI_ERR_INVALID_CMD"),
        (b"No connection possible", InstrumentError, "No connection"),
        (b"\xff\xfe", InstrumentReplyError, "answered"),
        (None, InstrumentTimeout, "switch the unit off and on"),
    ],
)
def test_a_command_that_fails_is_told(scripted, answer, error, words):
    def control(text):
        return answer if text == "REC:PLAY" else unit(text)

    driver, _ = scripted(control)
    with pytest.raises(error, match=words) as caught:
        driver.start(PERIOD_PS, 1e3)
    assert driver.name in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (b'{"error":{"description":"port in use"}}', InstrumentError, "port in use"),
        (b'{"error":{}}', InstrumentReplyError, "answered"),
        (b"[1]", InstrumentReplyError, "answered"),
        (b"no json", InstrumentReplyError, "answered"),
        (b"", InstrumentReplyError, "answered"),
    ],
)
def test_a_service_that_refuses_is_told(scripted, answer, error, words):
    def datalink(text):
        return answer if text.startswith("start-stream") else service(text)

    driver, _ = scripted(datalink=datalink)
    with pytest.raises(error, match=words):
        driver.start(PERIOD_PS, 1e3)


@pytest.mark.parametrize(
    ("block", "error", "words"),
    [
        (b"x" * 17, InstrumentReplyError, "17 bytes as timestamps of input 0"),
        (b"\xff" * 16, InstrumentReplyError, "beyond all times"),
        (b"", InstrumentDisconnected, "the stream of input 0 ended"),
    ],
)
def test_a_block_that_is_none_is_told(scripted, block, error, words):
    driver, scripts = scripted()
    driver.start(PERIOD_PS, 1e3)
    scripts["stream1"].machine.outbox.put(block, 0)
    with pytest.raises(error, match=words):
        driver.read(20 * MS)


def test_timestamps_that_were_sent_and_do_not_come_are_told(scripted):
    driver, _ = scripted()
    driver.start(PERIOD_PS, 1e3)
    with pytest.raises(InstrumentTimeout, match="silent after 0 of 3 timestamps"):
        driver.read(20 * MS)


@pytest.mark.parametrize("separator", [b";", b"\n", b";\n"])
def test_answers_to_several_questions_may_be_joined_either_way(scripted, separator):
    def control(text):
        if text.startswith("INPU1:ENAB?"):
            return b"ON" + separator[:1] + b"ON"
        return unit(text)

    driver, _ = scripted(control)
    driver.start(PERIOD_PS, 1e3)


def test_an_answer_that_comes_late_is_not_taken_for_the_next(scripted):
    driver, scripts = scripted(lambda text: None)
    with pytest.raises(InstrumentTimeout):
        driver.get_idn()
    outbox = scripts["control"].machine.outbox
    outbox.put(b"IDQ ID900 Serial : 7", 0)
    scripts["control"].machine.answer = lambda text: b"13"
    assert driver.tagger_capabilities().resolution_ps == 13
