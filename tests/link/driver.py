"""Runs one of our parties over a sealed channel, as a session does."""

from __future__ import annotations

from qkdlab.link.effects import Abort, Commit, KeyReady, Send
from qkdlab.link.events import MessageIn


def drive(party, sealed, events):
    """Return (key or None, abort or None, commits)."""
    key = abort = None
    commits = []

    def act(effects):
        nonlocal key, abort
        for effect in effects:
            if isinstance(effect, Send):
                sealed.send(effect.data, effect.end_of_phase)
            elif isinstance(effect, Commit):
                commits.append(effect)
            elif isinstance(effect, KeyReady):
                key = effect.key
            elif isinstance(effect, Abort):
                abort = effect
                sealed.abort(effect.code)

    for event in events:
        act(party.handle(event))
    while not party.finished:
        received = sealed.receive(60.0)
        assert received is not None
        act(party.handle(MessageIn(received.data, received.phase_verified)))
    return key, abort, commits
