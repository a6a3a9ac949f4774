"""Making the file itself, with its first space taken; and what a failure says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py

from qkdlab.errors import ResourceError
from qkdlab.runfile.space import Space

__all__ = ["create_file", "reason_of"]


def create_file(part: Path) -> tuple[Any, Space]:
    """Create the file with its first space taken."""
    try:
        part.touch(mode=0o600, exist_ok=False)
        probe = Space(part)
        try:
            probe.take(0, 0)
        except ResourceError:
            part.unlink()
            raise
        finally:
            probe.close(0)
        file = h5py.File(part, "w")
        return file, Space(part)
    except FileExistsError:
        raise ResourceError(
            f"{part}: exists already, and a run never writes over another; "
            "give a new folder with --output"
        ) from None
    except (OSError, RuntimeError) as error:
        raise ResourceError(
            f"{part}: cannot be made ({reason_of(error)}); choose another --output"
        ) from None


def reason_of(error: Exception) -> str:
    """Return the operating system's word for it; HDF5 wraps it in a long story."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    text = str(error)
    marker = "error message = '"
    if marker in text:
        return text.split(marker, 1)[1].split("'", 1)[0]
    return text.split("\n", 1)[0][:120]
