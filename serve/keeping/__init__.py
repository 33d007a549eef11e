"""What was given out, in SQL."""
