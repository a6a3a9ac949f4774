"""Talk to served instruments with PyVISA alone, as to real ones.

    qkdlab sim bb84 --addresses addresses.json &
    python examples/plain_pyvisa.py addresses.json

Puts a 1 MHz square wave on the waveform generator and reads the power meter.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pyvisa


def resource_string(addresses: dict[str, Any], name: str) -> str:
    """Return the VISA resource string of an instrument of the addresses file."""
    for instrument in addresses["instruments"]:
        if instrument["name"] == name:
            return str(instrument["endpoints"]["control"]["visa"])
    raise SystemExit(f"no instrument {name} in the file")


def main() -> None:
    """Drive the generator, read the meter."""
    addresses = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    manager: Any = pyvisa.ResourceManager("@py")
    options = {"read_termination": "\n", "write_termination": "\n", "timeout": 5000}
    name = resource_string(addresses, "alice.awg")
    with manager.open_resource(name, **options) as generator:
        print("generator:", generator.query("*IDN?"))
        generator.write("SOUR1:FUNC SQU;:SOUR1:FREQ 1E6;:SOUR1:VOLT 0.5 VPP")
        print("frequency:", float(generator.query("SOUR1:FREQ?")), "Hz")
        print("errors:", generator.query("SYST:ERR?"))
    name = resource_string(addresses, "alice.tap_meter")
    with manager.open_resource(name, **options) as meter:
        print("meter:", meter.query("*IDN?"))
        meter.write("SENS:CORR:WAV 1550")
        print("power:", float(meter.query("MEAS:POW?")), "W")


if __name__ == "__main__":
    main()
