"""ALBERT's pre-training: masked words and the order of two segments."""
