"""Carry-less products by the CPU's own instructions, and which of them it has."""
