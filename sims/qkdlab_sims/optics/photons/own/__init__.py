"""What each pulse of a laser has of its own: its instant and its energy."""
