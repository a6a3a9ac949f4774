"""Turn a served rotation mount with pyserial alone, as a real one on its cable.

    qkdlab sim bb84 --addresses addresses.json &
    python examples/plain_pyserial.py addresses.json [pty|rfc2217]

The three mounts of Bob's compensator share one line; this is the one at address 1.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import serial

PULSES_PER_TURN = 143_360


def ask(port: Any, command: str) -> str:
    """Send one command; return the answer without its end."""
    port.write(command.encode("ascii"))
    answer: bytes = port.read_until(b"\r\n")
    if not answer.endswith(b"\r\n"):
        raise SystemExit(f"no answer to {command}")
    return answer.decode("ascii").strip()


def main() -> None:
    """Home the mount, turn it to 45 degrees, read where it stands."""
    addresses = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    way = sys.argv[2] if len(sys.argv) > 2 else "pty"
    lines = {
        instrument["name"]: instrument["endpoints"]["control"]
        for instrument in addresses["instruments"]
        if "pty" in instrument["endpoints"].get("control", {})
    }
    url = lines["bob.plates"][way]
    with serial.serial_for_url(url, baudrate=9600, timeout=10) as port:
        print("identity:", ask(port, "1in"))
        print("home:", ask(port, "1ho0"))
        aim = PULSES_PER_TURN * 45 // 360
        answer = ask(port, f"1ma{aim:08X}")
        print("angle:", 360 * int(answer[3:], 16) / PULSES_PER_TURN, "degrees")


if __name__ == "__main__":
    main()
