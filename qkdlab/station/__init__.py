"""One party's instruments: opened, identified, bound to roles, guarded, left safe."""
