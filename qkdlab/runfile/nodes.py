"""Reaching into an HDF5 file with one clear error when something is not there."""

from __future__ import annotations

import h5py

from qkdlab.errors import VerifyError

__all__ = ["dataset", "group"]


def dataset(file: h5py.File, path: str) -> h5py.Dataset:
    """Return the dataset at `path`; raises VerifyError when there is none."""
    node = file.get(path)
    if not isinstance(node, h5py.Dataset):
        raise VerifyError(f"{file.filename}: has no dataset {path}")
    return node


def group(file: h5py.File, path: str) -> h5py.Group:
    """Return the group at `path`; raises VerifyError when there is none."""
    node = file.get(path)
    if not isinstance(node, h5py.Group):
        raise VerifyError(f"{file.filename}: has no group {path}")
    return node
