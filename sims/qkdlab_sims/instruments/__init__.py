"""One state machine per simulated instrument, speaking its wire protocol."""
