"""Tasks: loss, metrics and predictions of GLUE, and the one training loop."""
