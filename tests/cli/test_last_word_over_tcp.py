"""The line is cut before a party's last word of a block: two real processes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from quick_main import is_done
from quick_parties import DEADLINE_S, port_of, start
from tcp_proxy import BACK, FORTH, Proxy

from qkdlab.keys.store import KeyState, KeyStore

pytestmark = [pytest.mark.xdist_group("blocks"), pytest.mark.timeout(300)]


def states_when_cut(folder: Path, way: str) -> list[KeyState]:
    """Return the state of each party's only key, Alice's first."""
    with ExitStack() as stack:
        alice = stack.enter_context(start(folder, "alice", "--listen", "0"))
        stack.callback(alice.kill)
        proxy = stack.enter_context(Proxy(int(port_of(alice))))

        def cut(seen_way: str, number: int, message: bytes) -> list[bytes]:
            if seen_way == way and is_done(message):
                proxy.cut()
            return [message]

        proxy.tamper = cut
        bob = start(folder, "bob", "--connect", str(proxy.port))
        stack.enter_context(bob)
        stack.callback(bob.kill)
        said = [process.communicate(timeout=DEADLINE_S) for process in (alice, bob)]
        assert [alice.returncode, bob.returncode] == [6, 6], said
    stores = [KeyStore(folder / party / party / "keys") for party in ("alice", "bob")]
    return [key.state for store in stores for key in store]


def test_without_bobs_last_word_both_keys_stay_pending(tmp_path: Path) -> None:
    assert states_when_cut(tmp_path, FORTH) == [KeyState.PENDING, KeyState.PENDING]


def test_without_alices_last_word_bobs_key_stays_pending(tmp_path: Path) -> None:
    assert states_when_cut(tmp_path, BACK) == [KeyState.CONFIRMED, KeyState.PENDING]
