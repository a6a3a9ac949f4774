"""What an error that was found changes in the frame that had it."""
