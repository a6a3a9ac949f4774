"""The physics: light, sources, modulators, channels, detectors, taggers."""
