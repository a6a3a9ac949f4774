"""Links whose every pulse is drawn."""
