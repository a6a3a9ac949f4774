"""The classical side of key distribution: parties, messages, authentication."""
