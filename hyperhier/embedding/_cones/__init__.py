"""Is-a: entailment cones and half-spaces, their training, link prediction."""
