"""The generator behind all random numbers of the physics."""
