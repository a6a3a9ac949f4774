"""Two senders' light at one beam splitter."""
