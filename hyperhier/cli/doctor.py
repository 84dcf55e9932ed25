"""``hyperhier doctor``: is this installation sound, and how exact are its distances."""

from __future__ import annotations

from typing import Any

from hyperhier.cli._options import JsonFlag
from hyperhier.cli._output import print_json, print_table

__all__ = ["doctor"]


def doctor(as_json: JsonFlag = False) -> int:
    """Show versions, devices, optional packages, and the accuracy of distances here."""
    from hyperhier.doctor import examine

    report = examine()
    if as_json:
        print_json(report)
        return int(not report["ok"])
    _show_machine(report)
    _show_packages(report["packages"])
    _show_accuracy(report["accuracy"])
    if report["ok"]:
        print("ok: distances are as exact as the stored numbers allow")
        return 0
    print("problem: " + "; ".join(report["problems"]))
    return 1


def _show_machine(report: dict[str, Any]) -> None:
    rows = [(name, value) for name, value in report["versions"].items()]
    rows += [("devices", ", ".join(report["devices"])), ("threads", report["threads"])]
    print_table(["hyperhier doctor", ""], rows)


def _show_packages(packages: list[dict[str, Any]]) -> None:
    rows = [
        (p["name"], p["extra"], p["version"] or "-", p["problem"] or "imports") for p in packages
    ]
    print_table(["optional package", "extra", "version", "state"], rows)


def _show_accuracy(rows: list[dict[str, Any]]) -> None:
    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:.1e}"

    print_table(
        ["geometry", "dtype", "radius", "hyperhier", "geoopt"],
        [
            (row["model"], row["dtype"], row["radius"], number(row["ours"]), number(row["geoopt"]))
            for row in rows
        ],
        title="Worst relative error of distances, near and far pairs of stored points",
    )
