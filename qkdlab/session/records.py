"""Calibration records on disk: one file per party, a list as configurations take it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from qkdlab.calibration.records import CalibrationRecord
from qkdlab.config.yaml_text import parse_yaml
from qkdlab.errors import ConfigError, ResourceError
from qkdlab.problems import Problem

if TYPE_CHECKING:
    from qkdlab.config.document import Document

__all__ = ["FILE_NAME", "read_records", "write_records"]

FILE_NAME = "records.yaml"

_HEAD = (
    "# Measured by `qkdlab calibrate`; what a configuration's `calibration` takes.\n"
)


def write_records(path: Path, records: Iterable[CalibrationRecord]) -> None:
    """Write records, one a line; raises ResourceError when that fails."""
    lines = [f"- {json.dumps(r.model_dump(mode='json'))}\n" for r in records]
    try:
        path.write_text(_HEAD + ("".join(lines) or "[]\n"), encoding="utf-8")
    except OSError as error:
        raise ResourceError(f"{path}: cannot write: {error.strerror}") from None


def read_records(folder: Path, parties: Iterable[str]) -> list[CalibrationRecord]:
    """Return the records below `folder`: those of ``<party>/records.yaml``.

    A party without a file has none; no file at all raises ResourceError. Raises
    ConfigError, with places, for a file that holds anything but records.
    """
    paths = [folder / party / FILE_NAME for party in parties]
    found = [path for path in paths if path.is_file()]
    if not found:
        names = ", ".join(str(path) for path in paths)
        raise ResourceError(
            f"{folder}: no records of a calibration here (looked for {names}); give a "
            "folder that `qkdlab calibrate` wrote"
        )
    return [record for path in found for record in _read(path)]


def _read(path: Path) -> list[CalibrationRecord]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ResourceError(f"{path}: cannot be read as UTF-8 text") from None
    document, problems = parse_yaml(text, str(path))
    if problems:
        raise ConfigError(problems)
    if not isinstance(document.data, list):
        raise ConfigError(f"{path}: must be a list of records")
    return [_record(document, number) for number in range(len(document.data))]


def _record(document: Document, number: int) -> CalibrationRecord:
    data: Any = document.data[number]
    try:
        return CalibrationRecord.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = document.value_position((number,))
        raise ConfigError([Problem(place, first["loc"], first["msg"])]) from None
