"""Comparisons of methods, geometries and trees: a grid of runs from one readable file.

A suite (:func:`read_suite`) says which runs there are; :func:`run_suite` makes those that are
not on disk yet, over all cores; :func:`collect` gathers them, and :func:`write_report` makes
tables, pictures and one HTML page of them.
"""

from __future__ import annotations

from hyperhier.reproduce.plan import Cell, Selection
from hyperhier.reproduce.report import write_report
from hyperhier.reproduce.results import Results, collect
from hyperhier.reproduce.runner import Outlook, outlook, run_suite
from hyperhier.reproduce.store import RunStore
from hyperhier.reproduce.suite import Suite, builtin_suites, read_suite

__all__ = [
    "Cell",
    "Outlook",
    "Results",
    "RunStore",
    "Selection",
    "Suite",
    "builtin_suites",
    "collect",
    "outlook",
    "read_suite",
    "run_suite",
    "write_report",
]
