"""Settings of pulses from a counter-mode generator, for any pulse on demand."""
