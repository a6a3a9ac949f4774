"""What leaves an arbitrary waveform generator: samples become volts."""
