"""Closed-form placement of trees and DAGs in hyperbolic space."""
