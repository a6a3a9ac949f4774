"""Single Quantum."""
