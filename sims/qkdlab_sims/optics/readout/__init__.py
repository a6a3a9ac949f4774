"""Nanowires behind a readout that is not ideal."""
