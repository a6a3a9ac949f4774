"""Single photons on a beam splitter."""
