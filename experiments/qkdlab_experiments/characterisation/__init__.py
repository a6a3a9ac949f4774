"""What detectors are, told from tags alone (ETSI GS QKD 011, component list [mem])."""
