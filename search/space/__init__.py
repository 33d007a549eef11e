"""What a search tries: fields, and how a point of them becomes a run."""
