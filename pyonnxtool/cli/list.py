"""List what there is: metrics, backends, runtimes, adapters, operators, JSON schemas."""

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
    """What it is, in a line."""


@dataclass(frozen=True)
class Catalogue:
    """Everything of one kind. Without a name, the catalogues that there are."""

    catalogue: str | None
    entries: tuple[Entry, ...]

    def to_json(self) -> str:
        """`pyonnxtool/list/1`."""
        return json.dumps({"schema": "pyonnxtool/list/1", **asdict(self)})


@click.command(
    short_help=__doc__,
    epilog=closing(
        "list",
        "list backends",
        "list runtimes",
        "list ops --format json",
        "list schemas diff",
        codes="0 done; 2 no catalogue of that name.",
    ),
)
@click.argument("catalogue", required=False)
@click.argument("name", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the list.",
)
@verbose_option
def command(catalogue: str | None, name: str | None, form: str, verbose: bool) -> int:
    """List what there is: metrics, backends, runtimes, adapters, operators, JSON schemas.

    Without CATALOGUE, tells which catalogues there are. `schemas NAME` prints the JSON Schema of
    that report.
    """
    from pyonnxtool import schemas
    from pyonnxtool.errors import UsageError

    if name is not None:
        if catalogue != "schemas":
            raise UsageError(
                f"of {catalogue} there is nothing by name; only schemas are printed by name, such "
                "as: pyonnxtool list schemas diff"
            )
        click.echo(json.dumps(schemas.load(name), indent=2))
        return 0
    catalogues = found_catalogues()
    if catalogue is None:
        entries = [Entry(one, f"pyonnxtool list {one}") for one in catalogues]
    elif catalogue in catalogues:
        entries = list(entries_of(catalogue, catalogues[catalogue]))
    else:
        raise UsageError(
            f"there is no catalogue called {catalogue!r}; there are: {', '.join(catalogues)}"
        )
    if form == "json":
        click.echo(Catalogue(catalogue, tuple(entries)).to_json())
    else:
        print_entries(entries)
    return 0


def found_catalogues() -> dict[str, str]:
    """Name of each catalogue to the package whose `__init__` holds its registry."""
    import pyonnxtool
    from pyonnxtool.registry import Registry

    found = {
        "ops": "pyonnxtool._core",
        "runtimes": "pyonnxtool.runtimes",
        "schemas": "pyonnxtool.schemas",
    }
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

        named = {f"{op.domain}::{op.op_type}" if op.domain else op.op_type: op for op in op_table()}
        for name, op in sorted(named.items()):
            traits = [trait for trait in TRAITS if getattr(op, trait)]
            traits += [f"accumulates ({op.accumulation})"] if op.accumulation != "none" else []
            yield Entry(name, ", ".join(traits))
        return
    if catalogue == "runtimes":
        from pyonnxtool.runtimes import all_runtimes

        for one in all_runtimes():
            versions = f"opset {one.opset}" + (f", IR {one.ir_version}" if one.ir_version else "")
            how = " measured:" if one.how == "measured" else ""
            yield Entry(one.name, f"{versions};{how} {one.source}")
        return
    if catalogue == "schemas":
        from pyonnxtool import schemas

        for name in schemas.names():
            yield Entry(name, schemas.load(name)["title"])
        return
    for item in list(vars(importlib.import_module(package)).values()):
        if isinstance(item, Registry) and f"{item.kind}s" == catalogue:
            for key in item:
                name = key if isinstance(key, str) else " ".join(map(str, key))
                yield Entry(name, (item[key].__doc__ or "").strip().partition("\n")[0])


def print_entries(entries: list[Entry]) -> None:
    """A line an entry."""
    from pyonnxtool.cli._text import console, facts

    facts(console(), [(entry.name, entry.about) for entry in entries])
