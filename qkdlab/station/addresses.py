"""The addresses file of `qkdlab sim`: where each simulated instrument can be reached.

It is the JSON line that the command prints (README): a list of instruments by
``party.instrument``, or ``party.bus`` for a shared line, each with the mounts of its
endpoints.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from qkdlab.errors import ConfigError, ResourceError
from qkdlab.plugins import did_you_mean

__all__ = ["Addresses", "addresses_of", "read_addresses"]

_MOUNTS: Mapping[str, Callable[[str, Mapping[str, str]], str]] = {
    "tcp": lambda where, mounts: f"tcp://{where}",
    "visa": lambda where, mounts: where,
    "rfc2217": lambda where, mounts: where,
    "pty": lambda where, mounts: f"serial://{where}",
    "zmq": lambda where, mounts: f"zmq+{where}?pattern={mounts.get('pattern', 'req')}",
}
"""Mounts in order of preference, and how they become an address of a configuration."""


class Addresses:
    """Addresses by connection and endpoint, in the form of a configuration.

    source: the file, for messages
    """

    def __init__(self, source: str, found: Mapping[tuple[str, str], str]) -> None:
        self.source = source
        self._found = dict(found)

    def of(self, connection: str, endpoint: str) -> str:
        """Return the address of an endpoint of ``party.instrument`` or ``party.bus``.

        Raises ConfigError when the file has none.
        """
        address = self._found.get((connection, endpoint))
        if address is not None:
            return address
        known = [e for name, e in self._found if name == connection]
        if known:
            raise ConfigError(
                f"{self.source}: {connection} has no endpoint {endpoint!r}"
                f"{did_you_mean(endpoint, known)}; it has: {', '.join(known)}"
            )
        names = dict.fromkeys(name for name, _ in self._found)
        raise ConfigError(
            f"{self.source}: no instrument {connection}"
            f"{did_you_mean(connection, names)}; it has: {', '.join(names)}; was it "
            "written for this configuration?"
        )


def read_addresses(path: Path) -> Addresses:
    """Return the addresses of a file.

    Raises ResourceError when it cannot be read, ConfigError when it is no such file.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ResourceError(f"{path}: cannot read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _no_addresses(path, "is no text") from None
    try:
        data = json.loads(text)
    except ValueError as error:
        raise _no_addresses(path, f"is no JSON ({error})") from None
    return addresses_of(str(path), data)


def addresses_of(source: str, document: Any) -> Addresses:
    """Return the addresses of what such a file holds; raises as `read_addresses`."""
    try:
        return Addresses(source, dict(_entries(document)))
    except (KeyError, TypeError, AttributeError):
        raise _no_addresses(Path(source), "is of another form") from None


def _entries(data: Any) -> list[tuple[tuple[str, str], str]]:
    """Return ((connection, endpoint), address) of everything that can be reached."""
    entries: list[tuple[tuple[str, str], str]] = []
    for instrument in data["instruments"]:
        for endpoint, mounts in instrument["endpoints"].items():
            preferred = (m for m in _MOUNTS if isinstance(mounts.get(m), str))
            mount = next(preferred, None)
            if mount is not None:
                address = _MOUNTS[mount](mounts[mount], mounts)
                entries.append(((str(instrument["name"]), endpoint), address))
    return entries


def _no_addresses(path: Path, what: str) -> ConfigError:
    return ConfigError(
        f"{path}: {what}; it should be what 'qkdlab sim CONFIG --addresses {path}' "
        "writes"
    )
