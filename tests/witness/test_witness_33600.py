"""QCoDeS's and pymeasure's drivers of the 33600 family."""

import numpy as np
import pytest
from pymeasure.adapters import VISAAdapter
from pymeasure.instruments.agilent import Agilent33500
from qcodes.instrument_drivers.Keysight import Keysight33622A as QcodesKeysight33622A

GENERATOR = "alice.awg"


def test_qcodes_sets_and_reads_both_channels(served):
    # "@py" in the address would be taken for a file: the library is an argument
    driver = QcodesKeysight33622A(
        "witness_33622a", served.address(GENERATOR, "visa"), visalib="@py", silent=True
    )
    try:
        assert driver.get_idn()["model"] == "33622A"
        driver.ch1.function_type("SQU")
        driver.ch1.frequency(2.5e6)
        driver.ch1.amplitude(1.25)
        driver.ch1.offset(-0.5)
        driver.ch2.pulse_width(2e-8)
        driver.sync.source(2)
        assert driver.error() == (0, "No error")
        assert driver.ch1.function_type() == "SQU"
        assert driver.ch1.frequency() == 2.5e6
        assert driver.ch1.amplitude() == pytest.approx(1.25)
        assert driver.ch1.offset() == pytest.approx(-0.5)
        assert driver.ch2.pulse_width() == pytest.approx(2e-8)
        assert driver.sync.source() == 2
        driver.write("NOPE")
        assert driver.error() == (-113, "Undefined header")
    finally:
        driver.close()


def test_pymeasure_uploads_a_waveform_and_plays_it(served):
    adapter = VISAAdapter(
        served.address(GENERATOR, "visa"),
        visa_library="@py",
        read_termination="\n",
        write_termination="\n",
        timeout=10_000,
    )
    try:
        generator = Agilent33500(adapter)
        channel = generator.ch_2
        channel.data_volatile_clear()
        codes = np.rint(32767 * np.sin(np.linspace(0, 2 * np.pi, 1000))).astype(int)
        channel.data_arb("witness", codes.tolist(), data_format="DAC")
        channel.arb_file = "witness"
        channel.shape = "ARB"
        channel.arb_srate = 50e6
        channel.arb_filter = "STEP"
        channel.amplitude = 0.5
        channel.output = True
        assert channel.shape == "ARB"
        assert channel.arb_srate == 50e6
        assert channel.arb_filter == "STEP"
        assert channel.amplitude == pytest.approx(0.5)
        assert channel.output
        assert generator.check_errors() == []
        channel.output = False
        assert not channel.output
    finally:
        adapter.close()
