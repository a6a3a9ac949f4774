"""LDPC codes for reconciliation over one-way or slow links."""
