"""The seeded world: joins instruments and optics, moves in ticks."""
