"""What a trial is worth beside the others: collapse, early ends, objectives. Pure, but for Tune's question."""
