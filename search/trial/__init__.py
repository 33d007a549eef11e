"""One trial, as Tune runs it."""
