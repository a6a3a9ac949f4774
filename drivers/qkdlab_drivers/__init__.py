"""Drivers of real instruments, one package per vendor."""
