"""Trials that take over from each other while they train."""
