"""Photon pairs of parametric down-conversion, continuous and pulsed."""
