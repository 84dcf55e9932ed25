"""Files and objects that hold taxonomies: one module a format.

The names follow networkx: ``read_`` a file, ``parse_`` a text, ``from_`` an object, ``write_``
a file.
"""

from __future__ import annotations

from hyperhier.taxonomy.formats._text import read_text
from hyperhier.taxonomy.formats.codes import from_codes, parse_codes, read_codes
from hyperhier.taxonomy.formats.edge_table import parse_csv, read_csv, write_csv
from hyperhier.taxonomy.formats.folders import read_class_folders, read_folders
from hyperhier.taxonomy.formats.frames import from_pandas, to_pandas
from hyperhier.taxonomy.formats.json_tree import parse_json, read_json, write_json
from hyperhier.taxonomy.formats.outline import parse_outline, read_outline, write_outline
from hyperhier.taxonomy.formats.parquet import read_parquet, write_parquet
from hyperhier.taxonomy.formats.path_lines import parse_paths, read_paths, write_paths
from hyperhier.taxonomy.formats.path_table import parse_path_table, read_path_table
from hyperhier.taxonomy.formats.python_classes import from_module
from hyperhier.taxonomy.formats.wordnet import from_wn, is_wordnet_folder, read_wordnet
