"""Published weights into our checkpoint folders. Nothing in a foreign file is run: see unpickle.py."""
