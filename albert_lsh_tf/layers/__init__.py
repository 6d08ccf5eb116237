"""Keras layers: they own variables, dtype policy and seeds; the arithmetic is in `ops`."""
