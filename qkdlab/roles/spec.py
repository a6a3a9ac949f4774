"""`DriverSpec`: what is known of a driver without importing it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from qkdlab.errors import ResourceError

__all__ = ["DriverSpec", "Endpoint"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One connection that a driver needs."""

    kind: str
    """``bytes`` or ``messages``."""
    default_address: str = ""
    """A pattern such as ``TCPIP::{host}::5025::SOCKET``, for documentation."""
    is_stream: bool = False
    """Carries tags at full rate: these go on record as tags, not as traffic."""


@dataclass(frozen=True, slots=True)
class DriverSpec:
    """A driver's public facts; lives in ``spec.py``, which imports no qcodes.

    name:      ``vendor.model`` in lower case, as in configuration files
    model:     the maker's name of the model
    roles:     names of the roles that the driver offers
    endpoints: the named connections that it needs
    options:   pydantic model of its options
    target:    ``module:Class``; called as ``Class(name, connections, options, clock)``
    verified:  ``simulated``, ``recorded`` or ``hardware <firmware, date>``
    limits:    numbers for the bench rule check, by the names that the rules use
    """

    name: str
    model: str
    roles: tuple[str, ...]
    endpoints: dict[str, Endpoint]
    options: type[BaseModel]
    target: str
    verified: str = "simulated"
    limits: dict[str, float] = field(default_factory=dict)

    def load(self) -> Any:
        """Import the driver and return its class.

        Raises ResourceError where QCoDeS, on being imported, finds no home.
        """
        module, _, attribute = self.target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except OSError as error:
            raise ResourceError(
                f"{self.name}: cannot load the driver: {error.filename}: "
                f"{error.strerror}; QCoDeS wants a folder of its own: set "
                "QCODES_USER_PATH to one that you can write"
            ) from None
