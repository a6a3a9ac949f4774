"""Disk space taken in advance, so that HDF5 never meets a full disk.

A write that fails inside HDF5 leaves the library with metadata that it can neither
write nor drop: the file is damaged and the process dies on exit (h5py 3.16, HDF5 1.14
[run]). Therefore the space for each step, and a reserve for finishing in order, is
allocated at the file's end before HDF5 is asked to write.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from qkdlab.errors import ResourceError

__all__ = ["RESERVE_BYTES", "Space"]

RESERVE_BYTES = 8 << 20
"""For what waits in memory, the last tables, and HDF5's own bookkeeping."""


class Space:
    """The disk space of one growing file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = os.open(path, os.O_WRONLY)
        self._allocated = 0
        self._reserve = RESERVE_BYTES

    def take(self, used: int, n_bytes: int) -> None:
        """Make sure of `n_bytes` and the reserve beyond the `used` bytes of the file.

        Raises ResourceError, before anything is written, when the disk, a quota or a
        limit does not allow it.
        """
        wanted = used + n_bytes + self._reserve
        if wanted <= self._allocated:
            return
        try:
            self._allocate(used, wanted - used)
        except OSError as error:
            raise ResourceError(
                f"{self._path}: {error.strerror}: {n_bytes + self._reserve} bytes more "
                "are needed; free space or choose another --output; what was recorded "
                "stays"
            ) from None
        self._allocated = wanted

    def _allocate(self, offset: int, n_bytes: int) -> None:
        """Allocate; where the file system cannot, look whether it would fit."""
        try:
            os.posix_fallocate(self._fd, offset, n_bytes)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                raise
            if shutil.disk_usage(self._path).free < n_bytes:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None

    def renamed(self, path: Path) -> None:
        """Take the file's new name, for what errors say."""
        self._path = path

    def open_reserve(self) -> None:
        """Let the reserve be used: the file is being finished."""
        self._reserve = 0

    def close(self, used: int) -> None:
        """Give back what the file did not need; closing twice is allowed."""
        if self._fd < 0:
            return
        os.ftruncate(self._fd, used)
        os.close(self._fd)
        self._fd = -1
