"""Training for the closure: ancestors nearer than other nodes."""
