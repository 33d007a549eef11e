"""What is said about a weapon, and who writes it."""
