"""What is drawn of measurements; matplotlib is imported here only, and late."""
