"""How weights that are not in a folder yet get into one, safely."""
