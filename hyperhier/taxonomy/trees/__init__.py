"""Outlines of the built-in label trees, one module each: facts, with their source."""
