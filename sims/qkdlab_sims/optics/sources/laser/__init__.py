"""A gain-switched laser pulse by pulse: phase, timing, noise, memory."""
