"""What a trial is worth beside the others: collapse, early ends, objectives. Pure."""
