from __future__ import annotations

import fake_plugins
import pytest

GOOD = """\
schema: 1
name: small
experiment: test
bench: sim
key_class: demonstration
parameters:
  duration_s: 0.5
  pattern: {symbols: 100}
parties:
  alice:
    instruments:
      awg: {driver: fake.awg}
    roles:
      source: {instrument: awg}
  bob:
    instruments:
      tagger:
        driver: fake.tagger
        options: {n_inputs: 4}
    roles:
      receiver: {composite: receiver, tagger: tagger, channels: {0: X0, 1: X1}}
simulation:
  buses:
    bob.plates: {addresses: [0, 1]}
"""


@pytest.fixture
def good(monkeypatch):
    """A correct configuration in YAML, with the plug-ins that it needs."""
    fake_plugins.install(monkeypatch)
    return GOOD
