"""Command lines: flags to config to one call of `train_and_evaluate`."""
