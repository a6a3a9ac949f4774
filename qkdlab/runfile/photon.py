"""The part of the run file that every Photon-HDF5 reader understands."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from qkdlab.runfile.schema import TITLES

__all__ = ["split_title", "write_skeleton"]

# "thrid" is phconvert's own spelling, and it compares titles to the letter
_ORDINALS = ("first", "second", "thrid", "fourth")


def split_title(number: int) -> str:
    """Return the official title of ``split_ch<number>``."""
    name = _ORDINALS[number - 1] if number <= 4 else f"{number}th"
    return (
        f"Pixel IDs for the {name} channel split through a non-polarizing beam "
        "splitter."
    )


def write_skeleton(
    file: h5py.File,
    *,
    description: str,
    n_channels: int,
    laser_repetition_hz: float,
    filename: str,
    created: str,
    version: str,
) -> None:
    """Write everything of Photon-HDF5 0.5 but the photons.

    Type of measurement ``generic``; each tagger channel is one split channel. A
    repetition rate of 0 stands for continuous light, as the format has it.
    """
    file.attrs["TITLE"] = np.bytes_(TITLES["/"])
    file.attrs["format_name"] = np.bytes_("Photon-HDF5")
    file.attrs["format_version"] = np.bytes_("0.5")
    for path in (
        "/photon_data",
        "/photon_data/timestamps_specs",
        "/photon_data/measurement_specs",
        "/photon_data/measurement_specs/detectors_specs",
        "/setup",
        "/setup/detectors",
        "/identity",
        "/user",
    ):
        file.create_group(path).attrs["TITLE"] = np.bytes_(TITLES[path])
    values: dict[str, Any] = {
        "/acquisition_duration": 0.0,
        "/description": description,
        "/photon_data/timestamps_specs/timestamps_unit": 1e-12,
        "/photon_data/measurement_specs/measurement_type": "generic",
        "/setup/num_pixels": n_channels,
        "/setup/num_spots": 1,
        "/setup/num_spectral_ch": 1,
        "/setup/num_polarization_ch": 1,
        "/setup/num_split_ch": n_channels,
        "/setup/modulated_excitation": False,
        "/setup/lifetime": False,
        "/setup/excitation_cw": np.array([laser_repetition_hz == 0]),
        "/setup/laser_repetition_rates": np.array([laser_repetition_hz]),
        "/setup/excitation_alternated": np.array([False]),
        "/setup/detectors/id": np.arange(n_channels, dtype=np.uint8),
        "/identity/author": "qkdlab",
        "/identity/author_affiliation": "not stated",
        "/identity/creator": "qkdlab",
        "/identity/creator_affiliation": "not stated",
        "/identity/filename": filename,
        "/identity/filename_full": filename,
        "/identity/creation_time": created,
        "/identity/software": "qkdlab",
        "/identity/software_version": version,
        "/identity/format_name": "Photon-HDF5",
        "/identity/format_version": "0.5",
        "/identity/format_url": "http://photon-hdf5.org/",
    }
    for path, value in values.items():
        _put(file, path, value, TITLES[path])
    folder = "/photon_data/measurement_specs/detectors_specs"
    for number in range(1, n_channels + 1):
        pixel = np.array([number - 1], dtype=np.uint8)
        _put(file, f"{folder}/split_ch{number}", pixel, split_title(number))


def _put(file: h5py.File, path: str, value: Any, title: str) -> None:
    data = np.bytes_(value.encode()) if isinstance(value, str) else value
    node = file.create_dataset(path, data=data)
    node.attrs["TITLE"] = np.bytes_(title)
    if isinstance(value, str):
        # PyTables then reads a text as bytes and not as an array, as phconvert wants
        node.attrs["FLAVOR"] = np.bytes_("python")
