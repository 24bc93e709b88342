"""List the metrics, backends and operators that the tool knows."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import click

from pyonnxtool.cli._options import closing, verbose_option

TRAITS = ("alias", "random", "commutative", "non_tensor")


@dataclass(frozen=True)
class Entry:
    """One line of a catalogue."""

    name: str
    about: str


@click.command(
    short_help=__doc__,
    epilog=closing(
        "list",
        "list backends",
        "list ops --format json",
        codes="0 done; 2 no catalogue of that name.",
    ),
)
@click.argument("catalogue", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the list.",
)
@verbose_option
def command(catalogue: str | None, form: str, verbose: bool) -> int:
    """List the metrics, backends and operators that the tool knows.

    Without CATALOGUE, tells which catalogues there are.
    """
    from pyonnxtool.errors import UsageError

    catalogues = found_catalogues()
    if catalogue is None:
        entries = [Entry(name, f"pyonnxtool list {name}") for name in catalogues]
    elif catalogue in catalogues:
        entries = sorted(entries_of(catalogue, catalogues[catalogue]), key=lambda e: e.name)
    else:
        raise UsageError(
            f"there is no catalogue called {catalogue!r}; there are: {', '.join(catalogues)}"
        )
    if form == "json":
        listed = [asdict(entry) for entry in entries]
        click.echo(
            json.dumps({"schema": "pyonnxtool/list/1", "catalogue": catalogue, "entries": listed})
        )
    else:
        print_entries(entries)
    return 0


def found_catalogues() -> dict[str, str]:
    """Name of each catalogue to the package whose `__init__` holds its registry."""
    import pyonnxtool
    from pyonnxtool.registry import Registry

    found = {"ops": "pyonnxtool._core"}
    for module in pkgutil.iter_modules(pyonnxtool.__path__):
        if not module.ispkg or module.name == "cli":
            continue
        package = importlib.import_module(f"pyonnxtool.{module.name}")
        for item in vars(package).values():
            if isinstance(item, Registry):
                found[f"{item.kind}s"] = package.__name__
    return dict(sorted(found.items()))


def entries_of(catalogue: str, package: str) -> Iterable[Entry]:
    """Everything in one catalogue."""
    from pyonnxtool.registry import Registry

    if catalogue == "ops":
        from pyonnxtool._core import op_table

        for op in op_table():
            traits = [trait for trait in TRAITS if getattr(op, trait)]
            traits += [f"accumulates ({op.accumulation})"] if op.accumulation != "none" else []
            name = f"{op.domain}::{op.op_type}" if op.domain else op.op_type
            yield Entry(name, ", ".join(traits))
        return
    for item in list(vars(importlib.import_module(package)).values()):
        if isinstance(item, Registry) and f"{item.kind}s" == catalogue:
            for key in item:
                yield Entry(key, (item[key].__doc__ or "").strip().partition("\n")[0])


def print_entries(entries: list[Entry]) -> None:
    """A line an entry."""
    from pyonnxtool.cli._text import console, facts

    facts(console(), [(entry.name, entry.about) for entry in entries])
