"""`qkdlab drivers`: every driver, what it plays and what it was verified against."""

from __future__ import annotations

from typing import Any

from qkdlab.cli.options import Json

__all__ = ["NAME", "command"]

NAME = "drivers"


def command(
    as_json: Json = False,
) -> None:
    """List the drivers that are installed."""
    from qkdlab.cli.output import print_json
    from qkdlab.plugins import broken_drivers, driver_specs

    listed: list[dict[str, Any]] = [
        {
            "name": spec.name,
            "model": spec.model,
            "roles": list(spec.roles),
            "endpoints": {
                name: {"kind": end.kind, "address": end.default_address}
                for name, end in spec.endpoints.items()
            },
            "verified": spec.verified,
        }
        for spec in driver_specs().values()
    ]
    broken = broken_drivers()
    if as_json:
        print_json({"drivers": listed, "broken": [str(b) for b in broken]})
        return
    _print_table(listed)
    for plugin in broken:
        print(plugin)


def _print_table(listed: list[dict[str, Any]]) -> None:
    from qkdlab.cli.table import print_table

    print_table(
        ["driver", "model", "roles", "endpoints", "verified"],
        [
            [
                item["name"],
                item["model"],
                ", ".join(item["roles"]),
                ", ".join(
                    f"{name} ({end['kind']})" for name, end in item["endpoints"].items()
                ),
                item["verified"],
            ]
            for item in listed
        ],
    )
