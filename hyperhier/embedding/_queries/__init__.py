"""Questions to an embedding: nearest nodes, the place of a new leaf."""
