"""Where a search lies: a folder on a disk or in an object store, and patience with the latter."""
