"""The simulated ID900, asked and told by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from qkdlab.clock import seconds
from qkdlab_sims.instruments.idq_id900 import Simulator

MS = seconds(0.001)
FRAME_PS = 800_000_000


def unit(**options: Any) -> Simulator:
    options.setdefault("jitter_rms_ps", 0.0)
    options.setdefault("dead_ps", 0)
    return Simulator(**options)


def ask(sim: Simulator, text: str, now_ps: int = 0, endpoint: str = "control") -> str:
    machine = sim.endpoints[endpoint]
    machine.feed(text.encode(), now_ps)
    (reply,) = machine.take(now_ps + MS)
    return reply.decode()


def service(sim: Simulator, text: str, now_ps: int = 0) -> Any:
    return json.loads(ask(sim, text, now_ps, "datalink"))


def record(sim: Simulator, channels: Sequence[int] = (1,), now_ps: int = 0) -> None:
    for n in channels:
        ask(sim, f"RAW{n}:REF:LINK STAR;:RAW{n}:SEND ON", now_ps)
        service(
            sim,
            f"start-stream --channel {n} --address 127.0.0.1"
            f" --stream-port {4241 + n} --with-ref-index",
            now_ps,
        )
    ask(sim, "REC:TRIG:ARM:MODE MANU;:REC:ENAB ON;NUM INF;PLAY", now_ps)


def tags(sim: Simulator, channel: int, now_ps: int) -> list[tuple[int, int]]:
    data = b"".join(sim.streams[channel].take(now_ps))
    return [(int(a), int(b)) for a, b in np.frombuffer(data, "<u8").reshape(-1, 2)]


def times(*t: int) -> np.ndarray:
    return np.array(t, np.int64)
