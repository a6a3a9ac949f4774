"""How late the tags of a nanowire come."""
