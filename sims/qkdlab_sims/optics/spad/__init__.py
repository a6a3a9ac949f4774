"""Single-photon avalanche diodes."""
