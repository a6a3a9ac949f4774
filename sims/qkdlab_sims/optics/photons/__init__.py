"""From light to the photons that detectors could absorb."""
