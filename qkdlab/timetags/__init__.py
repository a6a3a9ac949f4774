"""timetags."""
