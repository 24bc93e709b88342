"""metadata: what a model says of itself: who made it, texts, and pairs of key and value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pyonnxtool.errors import UsageError
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.proof import check_of
from pyonnxtool.rewriting import Rewrite
from pyonnxtool.rewriting.graphs import graphs_under
from pyonnxtool.surgery.edit_report import EditReport, edited
from pyonnxtool.surgery.selection import selected

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyonnxtool._core import Function, Graph, Model, Node
    from pyonnxtool.proof import Proof

FIELDS = ("producer_name", "producer_version", "domain", "model_version", "doc_string")
_NOTHING: Mapping[str, str] = {}
_TEXTS = "doc strings removed"
_OUTER = "graphs and functions"


def metadata(
    given: ModelLike,
    entries: Mapping[str, str] = _NOTHING,
    *,
    remove: Sequence[str] = (),
    clear: bool = False,
    strip: bool = False,
    graph_name: str | None = None,
    producer_name: str | None = None,
    producer_version: str | None = None,
    domain: str | None = None,
    model_version: int | None = None,
    doc_string: str | None = None,
    **proof: Unpack[Proof],
) -> Rewrite[EditReport]:
    """The model with other things said of it; `report.header` has them all. What it computes stays.

    `entries` are added to the model's metadata or replace what has the same key; `remove` are keys
    or globs of those that go. An empty text takes a field away.

    `strip` takes away what exporters write on every part: doc strings and metadata of nodes,
    values, graphs and functions, such as stack traces with the paths of whoever exported. `clear`
    does so too, and takes away all metadata, the producer, the domain and the doc string of the
    model; what the other arguments say is then said anew.

    Raises UsageError for a key that is not there, or as `edit_report.edited` does.
    """
    check = check_of(**proof)
    model = as_model(given)
    going = selected(remove, model.metadata, "metadata entry") if remove else []
    if any(not key for key in entries):
        raise UsageError("a metadata entry needs a key")
    if model_version is not None and not -(2**63) <= model_version < 2**63:
        raise UsageError(f"model_version {model_version}: ONNX stores it in 64 bits")
    made = model.copy()
    changes: Counter[str] = Counter()
    if clear:
        changes.update(_clear(made))
    if strip or clear:
        for graph in [made.graph, *(function.graph for function in made.functions)]:
            for inner in graphs_under(graph):
                changes.update(_strip(inner))
        changes.update(_strip_functions(made))
    for key in going:
        if key in made.metadata:
            made.remove_metadata(key)
            changes["metadata entries removed"] += 1
    for key, value in entries.items():
        if made.metadata.get(key) != value:
            made.set_metadata(key, value)
            changes["metadata entries set"] += 1
    texts = (producer_name, producer_version, domain, model_version, doc_string)
    for field, wanted in zip(FIELDS, texts, strict=True):
        changes.update(_set(made, field, wanted))
    if graph_name is not None and made.graph.name != graph_name:
        made.graph.set_name(graph_name)
        changes["graph_name set"] += 1
    done = edited("metadata", model, made, changes, check=check)
    return replace(done, report=replace(done.report, header=header(made)))


def header(model: Model) -> dict[str, str]:
    """What the model says of itself, in words; entries of its metadata as "metadata.key"."""
    fields = {field: str(getattr(model, field) or "") for field in FIELDS}
    graph = {"graph_name": model.graph.name, "graph_doc_string": model.graph.doc_string}
    entries = {f"metadata.{key}": value for key, value in sorted(model.metadata.items())}
    return {name: text for name, text in (fields | graph | entries).items() if text}


def _set(model: Model, field: str, wanted: str | int | None) -> dict[str, int]:
    if wanted is None or getattr(model, field) == wanted:
        return {}
    getattr(model, f"set_{field}")(wanted)
    return {f"{field} {'removed' if wanted == '' else 'set'}": 1}


def _clear(model: Model) -> Counter[str]:
    done: Counter[str] = Counter()
    for key in model.metadata:
        model.remove_metadata(key)
        done["metadata entries removed"] += 1
    for field in ("producer_name", "producer_version", "domain", "doc_string"):
        done.update(_set(model, field, ""))
    return done


def _strip(graph: Graph) -> Counter[str]:
    done = _emptied(graph, _OUTER)
    for node in graph.nodes:
        done.update(_emptied(node, "nodes"))
    for value in graph.values:
        if value.doc_string:
            graph.set_value_doc_string(value.name, "")
            done[_TEXTS] += 1
    return done


def _strip_functions(model: Model) -> Counter[str]:
    done: Counter[str] = Counter()
    for function in model.functions:
        done.update(_emptied(function, _OUTER))
    return done


def _emptied(one: Graph | Node | Function, of: str) -> Counter[str]:
    """Without its text and its pairs; what was removed."""
    done: Counter[str] = Counter()
    if one.doc_string:
        one.set_doc_string("")
        done[_TEXTS] += 1
    for key in one.metadata:
        one.remove_metadata(key)
        done[f"metadata entries of {of} removed"] += 1
    return done
