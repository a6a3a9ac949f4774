"""Dark events of nanowires."""
