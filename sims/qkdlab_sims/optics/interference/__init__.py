"""Two independent lights on one beam splitter."""
