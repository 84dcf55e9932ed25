"""Taxonomies: rooted trees and DAGs of labels, their queries, their files."""

from __future__ import annotations

from hyperhier.taxonomy._ids import Ids
from hyperhier.taxonomy.builtin import builtin_names, builtin_taxonomy
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats.edge_table import read_csv, write_csv
from hyperhier.taxonomy.policies import PlacePolicies, Policies
from hyperhier.taxonomy.readers import load_taxonomy, read_taxonomy, register_reader

__all__ = [
    "Ids",
    "PlacePolicies",
    "Policies",
    "Taxonomy",
    "builtin_names",
    "builtin_taxonomy",
    "load_taxonomy",
    "read_csv",
    "read_taxonomy",
    "register_reader",
    "write_csv",
]
