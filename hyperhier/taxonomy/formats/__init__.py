"""Files and objects that hold taxonomies: one module a format.

The names follow networkx: ``read_`` a file, ``parse_`` a text, ``from_`` an object, ``write_``
a file.
"""

from __future__ import annotations

from hyperhier.taxonomy.formats.codes import from_codes, parse_codes, read_codes
from hyperhier.taxonomy.formats.edge_table import parse_csv, read_csv, write_csv
from hyperhier.taxonomy.formats.folders import read_class_folders, read_folders
from hyperhier.taxonomy.formats.frames import from_pandas, to_pandas
from hyperhier.taxonomy.formats.graph_xml import (
    parse_gexf,
    parse_graphml,
    read_gexf,
    read_graphml,
    write_gexf,
    write_graphml,
)
from hyperhier.taxonomy.formats.json_tree import parse_json, read_json, write_json
from hyperhier.taxonomy.formats.newick import parse_newick, read_newick, write_newick
from hyperhier.taxonomy.formats.nexus import parse_nexus, read_nexus, write_nexus
from hyperhier.taxonomy.formats.obo import parse_obo, read_obo, write_obo
from hyperhier.taxonomy.formats.outline import parse_outline, read_outline, write_outline
from hyperhier.taxonomy.formats.parquet import read_parquet, write_parquet
from hyperhier.taxonomy.formats.path_lines import parse_paths, read_paths, write_paths
from hyperhier.taxonomy.formats.path_table import parse_path_table, read_path_table
from hyperhier.taxonomy.formats.python_classes import from_module
from hyperhier.taxonomy.formats.rdf import parse_rdf, read_rdf
from hyperhier.taxonomy.formats.wordnet import from_wn, is_wordnet_folder, read_wordnet

__all__ = [
    "from_codes",
    "from_module",
    "from_pandas",
    "from_wn",
    "is_wordnet_folder",
    "parse_codes",
    "parse_csv",
    "parse_gexf",
    "parse_graphml",
    "parse_json",
    "parse_newick",
    "parse_nexus",
    "parse_obo",
    "parse_outline",
    "parse_path_table",
    "parse_paths",
    "parse_rdf",
    "read_class_folders",
    "read_codes",
    "read_csv",
    "read_folders",
    "read_gexf",
    "read_graphml",
    "read_json",
    "read_newick",
    "read_nexus",
    "read_obo",
    "read_outline",
    "read_parquet",
    "read_path_table",
    "read_paths",
    "read_rdf",
    "read_wordnet",
    "to_pandas",
    "write_csv",
    "write_gexf",
    "write_graphml",
    "write_json",
    "write_newick",
    "write_nexus",
    "write_obo",
    "write_outline",
    "write_parquet",
    "write_paths",
]
