"""Parameters of a receiver that chooses, and its frames, for unit tests."""

from __future__ import annotations

from qkdlab_experiments.active_parameters import ActiveBb84Parameters

FIELDS = {
    "duration_s": 0.01,
    "intensities": {
        "signal": {"mean_photon_number": 0.5, "probability": 0.4},
        "decoy": {"mean_photon_number": 0.2, "probability": 0.4},
        "vacuum": {"mean_photon_number": 0.002, "probability": 0.2},
    },
    "detection": {"bias_ua": [22.0] * 2, "gate_ps": 600},
}
P = ActiveBb84Parameters.model_validate(FIELDS)
