"""The DataLink service of the simulated ID900: streams, refusals, saved timestamps."""

from __future__ import annotations

import pytest
from id900_at_hand import MS, ask, record, service, times, unit

# ---- service --------------------------------------------------------------------


def test_the_life_of_a_stream() -> None:
    sim = unit()
    assert ask(sim, "list", 0, "datalink") == "[]"
    started = ask(
        sim,
        "start-stream --channel 2 --address 169.254.99.1 --stream-port 4243"
        " --with-ref-index",
        0,
        "datalink",
    )
    assert started == '{"id": "169.254.99.1:5557"}'
    assert ask(sim, "list", 0, "datalink") == '["169.254.99.1:5557"]'
    ask(sim, "RAW2:REF:LINK STAR;:RAW2:SEND ON;:REC:ENAB ON;NUM INF;PLAY")
    sim.push(2, times(13, 26))
    sim.advance(10 * MS)
    status = service(sim, "status --id 169.254.99.1:5557", 11 * MS)
    assert status == {
        "acquisitions_count": 0,
        "inactivity": 0.0,
        "timestamps_count": 2,
    }
    ask(sim, "REC:STOP", 12 * MS)
    stopped = service(sim, "stop --id 169.254.99.1:5557", 13 * MS)
    assert stopped["status"]["acquisitions_count"] == 1
    assert len(sim.streams[2].take(14 * MS)[0]) == 32
    assert sim.streams[2].take(14 * MS) == []
    assert service(sim, "list", 14 * MS) == []


def test_an_empty_message_ends_a_stream() -> None:
    sim = unit()
    record(sim)
    sim.push(1, times(13))
    sim.advance(10 * MS)
    service(sim, "stop --id 127.0.0.1:5556", 10 * MS)
    assert [len(m) for m in sim.streams[1].take(12 * MS)] == [16, 0]


def test_what_is_not_heard_yet_is_not_counted_yet() -> None:
    sim = unit(latency_ps=5 * MS)
    record(sim)
    sim.push(1, times(13))
    sim.advance(10 * MS)
    identity = "127.0.0.1:5556"
    assert service(sim, f"status --id {identity}", 11 * MS)["timestamps_count"] == 0
    assert service(sim, f"status --id {identity}", 15 * MS)["timestamps_count"] == 1


@pytest.mark.parametrize(
    "command",
    [
        "explode",
        "status --id nobody",
        "stop",
        "start-stream --channel 5 --address a --stream-port 4242",
        "start-stream --channel 1 --address a",
        "start-stream --channel 1 --address a --stream-port 70000",
        "start-save --channel 1 --address a --filename f --format wav",
        'start-save "unclosed',
        "",
    ],
)
def test_the_service_describes_what_it_refuses(command: str) -> None:
    answer = service(unit(), command)
    assert isinstance(answer["error"]["description"], str)


def test_a_channel_cannot_be_started_twice() -> None:
    sim = unit()
    record(sim)
    again = "start-stream --channel 1 --address 127.0.0.1 --stream-port 4242"
    assert "error" in service(sim, again)


@pytest.mark.parametrize(
    ("style", "content"),
    [
        ("bin", (26).to_bytes(8, "little") + bytes(8)),
        ("ascii", b"26;0\n"),
    ],
)
def test_saved_timestamps_stay_in_memory(style: str, content: bytes) -> None:
    sim = unit()
    service(
        sim,
        "start-save --channel 1 --address 127.0.0.1 --filename 'C:/Temp/c1.bin'"
        f" --format {style} --with-ref-index",
    )
    ask(sim, "RAW1:SEND ON;:REC:ENAB ON;PLAY")
    sim.push(1, times(26))
    sim.advance(10 * MS)
    assert sim.datalink.saved == {"C:/Temp/c1.bin": content}
