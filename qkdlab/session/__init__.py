"""A run from configuration to result: programs, channel, files, signals, audit."""
