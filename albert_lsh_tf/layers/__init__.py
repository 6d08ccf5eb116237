"""Keras layers: they own variables, dtype policy and seeds; `ops` does the sums."""
