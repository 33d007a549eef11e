"""What trials run on, what they get of it, and what may happen to it."""
