"""The typer application: its commands live in the modules beside this one."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from hyperhier._version import __version__
from hyperhier.cli._errors import guarded
from hyperhier.cli.demo import demo
from hyperhier.cli.doctor import doctor
from hyperhier.cli.embed import embed
from hyperhier.cli.evaluate import evaluate
from hyperhier.cli.export import export
from hyperhier.cli.plot import plot
from hyperhier.cli.query import query
from hyperhier.cli.reproduce import reproduce
from hyperhier.cli.taxonomy import convert, info
from hyperhier.cli.train import train

__all__ = ["app", "run"]

app = typer.Typer(
    name="hyperhier",
    help="Hyperbolic, hierarchy-aware learning: embed taxonomies, train on labelled images.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    train, evaluate, embed, query, plot, export, info, convert, doctor, demo,
    reproduce,
):  # fmt: skip
    app.command()(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hyperhier {__version__}")
        raise typer.Exit()


@app.callback(invoke_without_command=True)
def common(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks (also HYPERHIER_DEBUG=1).")
    ] = False,
) -> None:
    """Hyperbolic, hierarchy-aware learning: embed taxonomies, train on labelled images."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run(arguments: list[str]) -> int:
    """Run the command that ``arguments`` name and return the exit code."""
    debug = os.environ.get("HYPERHIER_DEBUG", "") not in {"", "0"} or "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    command = typer.main.get_command(app)
    return guarded(
        lambda: command.main(args=arguments, prog_name="hyperhier", standalone_mode=False),
        debug=debug,
    )
