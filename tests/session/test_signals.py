"""Signals are noted, and raise only where they are asked for."""

import signal

import pytest

from qkdlab.session.signals import Interrupted, Interrupts


@pytest.mark.parametrize(
    ("signum", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_a_signal_raises_at_the_next_check(signum, exit_code):
    with Interrupts() as interrupts:
        interrupts.check()
        signal.raise_signal(signum)
        with pytest.raises(Interrupted) as caught:
            interrupts.check()
    assert caught.value.exit_code == exit_code


def test_a_second_signal_changes_nothing():
    with Interrupts() as interrupts:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Interrupted, match="SIGTERM"):
            interrupts.check()


def test_the_handlers_of_before_come_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_an_interruption_passes_handlers_of_ordinary_errors():
    assert not issubclass(Interrupted, Exception)
