"""Pictures ahead: the forge and its stock, ensembles that come and go, and the ids of what they draw."""
