"""The command `qkdlab`; one module per command, heavy imports inside."""
