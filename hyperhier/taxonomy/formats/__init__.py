"""Files and objects that hold taxonomies: one module a format.

The names follow networkx: ``read_`` a file, ``parse_`` a text, ``from_`` an object, ``write_``
a file.
"""

from __future__ import annotations

from hyperhier.taxonomy.formats.edge_table import read_csv, write_csv

__all__ = ["read_csv", "write_csv"]
