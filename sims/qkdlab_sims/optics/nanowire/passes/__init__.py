"""The pass of nanowires: from arrivals to tags."""
