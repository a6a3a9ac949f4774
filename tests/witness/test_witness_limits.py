"""Clients that fail by themselves, and why; and instruments that have no client.

Each fault is asserted, so that a later version without it is noticed and becomes a
witness.
"""

import importlib.util

import pytest
from qcodes_contrib_drivers.drivers.StanfordResearchSystems.DG645 import DG645
from qcodes_contrib_drivers.drivers.Thorlabs.PM100D import Thorlab_PM100D


def test_the_dg645_of_qcodes_contrib_fails_before_it_asks_anything(served):
    """A label of its constructor names a variable that does not exist."""
    with pytest.raises(NameError, match="name 'k' is not defined"):
        DG645(
            "witness_dg645", served.address("alice.sync_delay", "visa"), visalib="@py"
        )
    DG645.close_all()


def test_the_pm100d_of_qcodes_contrib_reads_power_but_no_wavelength(served):
    """Its wavelength has a scale and no parser: it divides the text of the answer."""
    meter = Thorlab_PM100D(
        "witness_pm100d", served.address("alice.tap_meter", "visa"), visalib="@py"
    )
    try:
        assert abs(meter.power()) < 1e-3
        # It sets the averaging without a value, and asks MEAS:POW without a question.
        errors = [meter.ask("SYST:ERR?") for _ in range(4)]
        assert {error.partition(",")[0] for error in errors} == {"-109", "-113", "+0"}
        with pytest.raises(TypeError, match="unsupported operand type"):
            meter.wavelength()
    finally:
        meter.close()


@pytest.mark.parametrize(
    "module", ["pymeasure.instruments.koheron", "qcodes.instrument_drivers.Koheron"]
)
def test_the_ctl200_has_no_client_in_the_large_collections(module):
    """pymeasure has one on its main branch (2026) that no release up to 0.16 holds.

    A release can be installed as a dependency, a branch cannot be held still. Tried by
    hand on the terminal of the served unit, it reads and sets all that it knows but a
    `user_data` that is empty: it takes the blank line for no answer.
    """
    assert importlib.util.find_spec(module) is None
