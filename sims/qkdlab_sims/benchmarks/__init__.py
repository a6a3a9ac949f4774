"""The simulators' own figures for `qkdlab benchmark`."""
