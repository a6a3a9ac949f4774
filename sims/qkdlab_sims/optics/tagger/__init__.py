"""Time taggers: from electrical pulses to tags, with what gets lost."""
