"""Tasks: loss, metrics and predictions of each, and the one training loop."""
