"""Training for tree distances: least stress."""
