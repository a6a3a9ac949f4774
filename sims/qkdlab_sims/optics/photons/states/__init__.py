"""The state of given pulses of a light."""
