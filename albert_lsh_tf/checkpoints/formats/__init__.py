"""The kinds of files that hold weights: what tells each, and what opens it."""
