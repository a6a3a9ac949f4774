"""Names, sizes and titles of the run file.

Photon-HDF5 0.5 wants its official title on every node of its own; free content lives
below ``/user`` only: a root group of ours makes the file invalid (checked with
phconvert 0.10.2). gzip and shuffle are the only filters: a reader without a plugin was
seen to return zeros in silence.
"""

from __future__ import annotations

__all__ = [
    "CHUNK_BLOCKS",
    "CHUNK_BYTES",
    "CHUNK_ROWS",
    "CHUNK_TAGS",
    "FORMAT",
    "ROOT",
    "SCHEMA_VERSION",
    "TITLES",
]

SCHEMA_VERSION = 1
FORMAT = "qkdlab-run"
ROOT = "/user/qkdlab"
CHUNK_TAGS = 1 << 18
CHUNK_ROWS = 1 << 10
"""Rows of small series: monitors, indices."""
CHUNK_BLOCKS = 4
"""Rows of the coverage: fewer blocks than fill a chunk of tags at 2 Mcps."""
CHUNK_BYTES = 1 << 18
"""Of byte heaps."""

TITLES: dict[str, str] = {
    "/": (
        "A file format for photon-counting detector based single-molecule "
        "spectroscopy experiments."
    ),
    "/acquisition_duration": "Measurement duration in seconds.",
    "/description": "A user-defined comment describing the data file.",
    "/photon_data": "Group containing arrays of photon-data.",
    "/photon_data/timestamps": (
        "Array of photon timestamps. Units specified in timestamps_units (defined in "
        "timestamps_specs/)."
    ),
    "/photon_data/detectors": "Array of pixel IDs for each timestamp.",
    "/photon_data/timestamps_specs": "Specifications for timestamps.",
    "/photon_data/timestamps_specs/timestamps_unit": (
        "Value of 1-unit timestamp-increment in seconds."
    ),
    "/photon_data/measurement_specs": (
        "Metadata necessary for interpretation of the particular type of measurement."
    ),
    "/photon_data/measurement_specs/measurement_type": (
        "Name of the measurement the data represents."
    ),
    "/photon_data/measurement_specs/detectors_specs": (
        "Mapping between the pixel IDs and the detection channels."
    ),
    "/setup": "Information about the experimental setup.",
    "/setup/num_pixels": "Total number of detector pixels.",
    "/setup/num_spots": 'Number of excitation (or detection) "spots" in the sample.',
    "/setup/num_spectral_ch": "Number of distinct spectral bands which are acquired.",
    "/setup/num_polarization_ch": (
        "Number of distinct polarization states which are acquired."
    ),
    "/setup/num_split_ch": (
        "Number of distinct detection channels detecting the same spectral band and "
        "polarization. This value is > 1 when using a non-polarizing beam splitter."
    ),
    "/setup/modulated_excitation": (
        "True (i.e. 1) if there is any form of excitation modulation of excitation "
        "wavelength (as in us-ALEX or PAX) or polarization. This field is also True "
        "for pulse-interleaved excitation (PIE) or ns-ALEX measurements."
    ),
    "/setup/lifetime": (
        "True (i.e. 1) if the measurement includes a nanotimes array of photon "
        "arrival times with respect to a laser pulse (as in TCSPC measurements)."
    ),
    "/setup/excitation_cw": (
        "For each excitation source, this field indicates whether excitation is "
        "continuous wave (CW), True (i.e. 1), or pulsed, False (i.e. 0)."
    ),
    "/setup/laser_repetition_rates": (
        "Repetition rates in Hz for each laser. CW lasers have a value of 0."
    ),
    "/setup/excitation_alternated": (
        "New in version 0.5. Indicates whether each excitation source is alternated "
        "(True, or 1) or not alternated (False, or 0)."
    ),
    "/setup/detectors": (
        "Metadata relative to each detector's pixel. Each field is an array with size "
        "equal to the number of the detectors."
    ),
    "/setup/detectors/id": "Detector IDs as they appear on /photon_data/detectors.",
    "/identity": "Information about the Photon-HDF5 data file.",
    "/identity/author": "Author of the current data file.",
    "/identity/author_affiliation": (
        "Company or institution the author is affiliated with."
    ),
    "/identity/creator": "Creator of the current Photon-HDF5 file.",
    "/identity/creator_affiliation": (
        "Company or institution the creator is affiliated with."
    ),
    "/identity/filename": (
        "Original file name of the current Photon-HDF5 file (i.e. file name at "
        "creation time)."
    ),
    "/identity/filename_full": (
        "Original file name (with full path) of the current Photon-HDF5 file (i.e. "
        "full file name at creation time)."
    ),
    "/identity/creation_time": "Creation time of the current Photon-HDF5 file.",
    "/identity/software": (
        "Name of the software used to create the current Photon-HDF5 file."
    ),
    "/identity/software_version": (
        "Version of the software used to create current the Photon-HDF5 file."
    ),
    "/identity/format_name": "Name of the file format.",
    "/identity/format_version": "Version for the Photon-HDF5 format.",
    "/identity/format_url": "Official URL for the Photon-HDF5 format.",
    "/user": "Group containing arbitrary user data.",
}
"""Official titles; ``split_ch<n>`` has a pattern of its own (`photon.split_title`)."""
