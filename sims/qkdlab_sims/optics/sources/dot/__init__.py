"""Single photons of a quantum dot."""
