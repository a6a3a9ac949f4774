"""Published experiments as configurations of the physics engine."""
