"""Two arms before detectors that see both polarizations."""
