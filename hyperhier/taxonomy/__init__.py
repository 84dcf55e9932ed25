"""Taxonomies: rooted trees and DAGs of labels, their queries, their files."""

from __future__ import annotations

from hyperhier.taxonomy._ids import Ids
from hyperhier.taxonomy.builtin import (
    BuiltinTree,
    builtin_catalogue,
    builtin_names,
    builtin_source,
    builtin_taxonomy,
)
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.formats.edge_table import read_csv, write_csv
from hyperhier.taxonomy.policies import PlacePolicies, Policies
from hyperhier.taxonomy.readers import (
    format_names,
    load_taxonomy,
    read_taxonomy,
    register_format,
    write_taxonomy,
)
from hyperhier.taxonomy.shape import Shape, describe

__all__ = [
    "BuiltinTree",
    "Ids",
    "PlacePolicies",
    "Policies",
    "Shape",
    "Taxonomy",
    "builtin_catalogue",
    "builtin_names",
    "builtin_source",
    "builtin_taxonomy",
    "describe",
    "format_names",
    "load_taxonomy",
    "read_csv",
    "read_taxonomy",
    "register_format",
    "write_csv",
    "write_taxonomy",
]
