"""Register groups: what is latched, and what a client reads of it."""

import pytest

from qkdlab_sims.instruments import thorlabs_pm100d
from qkdlab_sims.instruments.scpi.machine import ScpiMachine
from qkdlab_sims.instruments.scpi.registers import RegisterGroup, add_register_groups


class Bits:
    def __init__(self):
        self.value = 0

    def at(self, now_ps):
        return self.value


@pytest.fixture
def bits():
    return Bits()


@pytest.fixture
def ask(bits):
    machine = ScpiMachine("X", queue_depth=5, limit_bytes=1000)
    add_register_groups(machine, {"OPERation": RegisterGroup(bits.at)})

    def ask(text):
        machine.feed(text.encode() + b"\n", 0)
        return machine.take(0).decode().strip()

    return ask


def test_a_bit_that_rises_is_an_event_until_it_is_read(bits, ask):
    bits.value = 512
    assert ask("STAT:OPER?") == "512"
    assert ask("STAT:OPER?") == "0"
    assert ask("STAT:OPER:COND?") == "512"


def test_filters_decide_which_changes_are_events(bits, ask):
    ask("STAT:OPER:PTR 1;:STAT:OPER:NTR 2")
    bits.value = 3
    assert ask("STAT:OPER:EVEN?") == "1"
    bits.value = 0
    assert ask("STAT:OPER:EVEN?") == "2"


def test_preset_lets_rising_bits_pass_and_disables_all(ask):
    ask("STAT:OPER:PTR 0;:STAT:OPER:NTR 7;:STAT:OPER:ENAB 9;:STAT:PRES")
    answer = ask("STAT:OPER:PTR?;:STAT:OPER:NTR?;:STAT:OPER:ENAB?")
    assert answer == "32767;0;0"


def test_a_value_beyond_sixteen_bits_is_refused(ask):
    ask("STAT:OPER:ENAB 65536")
    assert ask("SYST:ERR?").startswith("-222")
    assert ask("STAT:OPER:ENAB?") == "0"


def test_a_pm100d_tells_that_a_measurement_has_ended():
    machine = thorlabs_pm100d.Simulator().endpoints["control"]

    def ask(text, now_ps):
        machine.feed(text.encode() + b"\n", now_ps)
        return machine.take(now_ps).decode().strip()

    ask("SENS:AVER 10;:INIT", 0)
    assert ask("STAT:OPER?", 20 * 10**9) == "0"
    assert ask("STAT:OPER?", 40 * 10**9) == "512"
    assert ask("STAT:QUES?", 40 * 10**9) == "0"
