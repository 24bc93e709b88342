"""JSON Schemas of reports, derived from their dataclasses: types from annotations, descriptions
from the text below each field, and for words that all reports share from WORDS."""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Union

from pyonnxtool.cli.list import Catalogue
from pyonnxtool.conversion import OpsetReport
from pyonnxtool.inspection import Inspection
from pyonnxtool.metrics import METRICS
from pyonnxtool.relayout import LayoutReport
from pyonnxtool.report import BisectReport, DiffReport, Metrics, ReduceReport
from pyonnxtool.specialization import SpecializeReport
from pyonnxtool.standardization import LowerReport
from pyonnxtool.surgery.edit_report import EditReport
from pyonnxtool.torch import ExportReport
from pyonnxtool.variants import VariantSet, VariantsReport

DRAFT = "https://json-schema.org/draft/2020-12/schema"

REPORTS: dict[str, type] = {
    "diff": DiffReport,
    "bisect": BisectReport,
    "reduce": ReduceReport,
    "edit": EditReport,
    "export": ExportReport,
    "inspect": Inspection,
    "layout": LayoutReport,
    "list": Catalogue,
    "lower": LowerReport,
    "opset": OpsetReport,
    "specialize": SpecializeReport,
    "specialize_variants": VariantsReport,
    "variants": VariantSet,
}
"""Name of a schema to what is written under it."""

ONE_OF: dict[tuple[str, str], tuple[str, ...]] = {
    ("DiffReport", "verdict"): ("same", "different", "inconclusive"),
    ("BisectReport", "verdict"): ("same", "fault", "drift", "inconclusive"),
    ("DiffReport", "observer_effect"): ("none", "changes the result", "not checked"),
    ("BisectReport", "observer_effect"): (
        *("none", "changes the result", "not checked"),
        "nothing read",
    ),
    ("BisectReport", "method"): ("", "values", "splice", "pass"),
    ("Step", "method"): ("splice", "pass"),
    ("Step", "verdict"): ("good", "bad", "skip"),
    ("QuantizedRow", "kind"): ("layer", "activation", "weight"),
    ("QuantizedRow", "status"): ("noise", "fault"),
    ("ValueRow", "status"): ("ok", "noise", "bad"),
    ("GraphNode", "kind"): ("node", "weight", "input", "output"),
    ("GraphNode", "role"): ("culprit", "region", "around"),
    ("GraphNode", "status"): ("ok", "noise", "bad", ""),
    ("Worse", "kind"): ("output", "value", "culprit"),
    ("Origin", "side"): ("reference", "candidate"),
}
"""Fields that hold one of a few words."""

WORDS = {
    "accumulated": "The candidate's own run against the reference's: one number for each metric.",
    "introduced": "What the candidate's node makes of the reference's values, against what the "
    "reference made of them; empty where that was not measured.",
    "metrics": "One number for each metric.",
    "value": "Name of the value in the candidate.",
    "reference_value": "Name of the value in the reference.",
    "node": "Name of the node; its first output where it has no name.",
    "reference_node": "Name of the reference's node that stands in its place; may be empty.",
    "reference_outputs": "What that node makes.",
    "reference_name": "Its name in the reference.",
    "op_type": "The operator.",
    "domain": "Domain of the operator; empty for ONNX's own.",
    "graph": "The graph that holds the node: `main`, or a body or function.",
    "dtype": "Type of the elements.",
    "shape": "Size of each dimension.",
    "status": "`ok`: equal. `noise`: differs, and rounding or the tolerance explains it. `bad`: "
    "neither does.",
    "verdict": "What was found.",
    "reference": "The reference as the user wrote it.",
    "candidate": "The candidate as the user wrote it.",
    "samples": "How many sets of inputs were run.",
    "runs": "How often each side was run.",
    "notes": "Whatever else is worth knowing, in sentences.",
    "note": "What else is to be said of it; may be empty.",
    "coverage": "How many values were paired.",
    "observer_effect": "Whether reading intermediate values changes the final outputs.",
    "weights": "Weights that differ.",
    "weights_compared": "How many weights were compared.",
    "outputs": "Final outputs; of a node, the values that it makes.",
    "values": "Values in between, in graph order.",
    "culprits": "Nodes that introduce the difference, the worst first.",
    "baseline": "What got worse than in the report of --baseline; null without one.",
    "gain": "Relative error of the value over the largest relative error of what its node reads.",
    "referee": "What float64 says of the two sides.",
    "why": "The reason, in words.",
    "name": "Its name.",
    "changed": "How many elements differ.",
    "compared": "Values of the reference that have a counterpart.",
    "fused": "Values that were fused away.",
    "ambiguous": "Values with several possible counterparts, none of which was taken.",
    "unmatched": "Values without a counterpart.",
    "was": "Largest absolute difference before; null where there was none.",
    "now": "Largest absolute difference now.",
    "worse": "Everything that got worse.",
    "path": "The file.",
    "files": "Files that were written or read.",
    "kind": "What kind it is.",
    "count": "How many.",
    "at_high": "Share of the integers that are the largest one.",
    "size": "How many elements there are.",
    "sample": "Number of the sample, from 0 on.",
    "edges": "Values on their way, one for each node that reads one.",
    "nodes_before": "How many nodes there were.",
    "reference_graph": "The reference's graph that is left, as text.",
    "seconds": "Time that it took.",
    "nbytes": "How many bytes.",
    "nodes": "How many nodes; of a drawing, its boxes.",
    "entries": "Everything in it.",
    "catalogue": "Its name.",
    "source": "Where it starts: the key of a node.",
    "target": "Where it ends: the key of a node.",
    "number": "Its place, from 1 on.",
    "before": "Values that cross the cut before the region.",
    "after": "Values that cross the cut behind the region.",
    "ir_version": "Version of ONNX's intermediate representation.",
    "producer": "The program that made the model, with its version.",
    "opsets": "Domain to version.",
    "inputs": "Inputs of the model.",
    "subgraphs": "How many bodies of If, Loop and Scan.",
    "functions": "Functions that the model defines.",
    "unused": "Values that nothing reads.",
    "custom_ops": "Nodes of operators that ONNX does not define.",
    "random_ops": "Nodes of operators that draw random numbers.",
    "dtypes": "Weights of each type.",
    "calls": "How often it is called.",
}
"""What fields mean that have no text of their own."""


def schema(name: str) -> dict[str, Any]:
    """The schema of one kind of report."""
    report = REPORTS[name]
    known = re.search(rf"pyonnxtool/{name}/\d+", inspect.getsource(report))
    assert known, f"{report.__name__}.to_json does not name its schema"
    used: dict[str, Any] = {}
    body = _object(report, used)
    marker = {"const": known[0], "description": "Which schema this is."}
    return {
        "$schema": DRAFT,
        "$id": f"urn:{known[0].replace('/', ':')}",
        "title": _sentence(inspect.getdoc(report) or ""),
        **body,
        "properties": {"schema": marker, **body["properties"]},
        "required": ["schema", *body["required"]],
        "$defs": dict(sorted(used.items())),
    }


def text(name: str) -> str:
    """The schema as its file holds it."""
    return json.dumps(schema(name), indent=1, ensure_ascii=False) + "\n"


def file_name(name: str) -> str:
    """`diff-1.json`."""
    return "-".join(str(schema(name)["$id"]).split(":")[2:]) + ".json"


def undescribed(name: str) -> Iterator[str]:
    """Fields that neither have a text below them nor stand in WORDS."""
    found = schema(name)
    for owner, body in [(name, found), *found["$defs"].items()]:
        for field, about in body.get("properties", {}).items():
            if "description" not in about:
                yield f"{owner}.{field}"


def _object(one: type, used: dict[str, Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(one)
    texts = _texts(one)
    properties = {}
    for field in fields(one):
        about = _of_type(hints[field.name], used)
        if words := ONE_OF.get((one.__name__, field.name)):
            about = {"enum": list(words)}
        told = texts.get(field.name) or WORDS.get(field.name)
        properties[field.name] = {**about, **({"description": told} if told else {})}
    return {
        "description": re.sub(r"\s+", " ", inspect.getdoc(one) or ""),
        "type": "object",
        "properties": properties,
        "required": [field.name for field in fields(one) if _required(field)],
    }


def _required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _of_type(hint: Any, used: dict[str, Any]) -> dict[str, Any]:
    """A type as JSON has it. Classes go to `used`, and are referred to."""
    plain = {str: "string", int: "integer", bool: "boolean", type(None): "null"}
    if hint in plain:
        return {"type": plain[hint]}
    if hint is float:
        used["number"] = NUMBER
        return {"$ref": "#/$defs/number"}
    if hint == Metrics:
        if "metrics" not in used:
            used["number"], used["metrics"] = NUMBER, _metrics()
        return {"$ref": "#/$defs/metrics"}
    if is_dataclass(hint):
        name = typing.cast(type, hint).__name__
        if name not in used:
            used[name] = {}
            used[name] = _object(typing.cast(type, hint), used)
        return {"$ref": f"#/$defs/{name}"}
    return _of_several(hint, used)


def _of_several(hint: Any, used: dict[str, Any]) -> dict[str, Any]:
    """A union, a sequence or a mapping."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return {
            "anyOf": [_of_type(one, used) for one in inner if not (one is int and float in inner)]
        }
    if (origin is tuple and inner[1:] == (...,)) or origin is list:
        return {"type": "array", "items": _of_type(inner[0], used)}
    if origin is tuple:
        items = [_of_type(one, used) for one in inner]
        return {"type": "array", "prefixItems": items, "minItems": len(items)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of_type(inner[1], used)}
    raise AssertionError(f"say how JSON has a {hint}")


NUMBER = {
    "description": "A number; NaN and infinities are words.",
    "anyOf": [{"type": "number"}, {"enum": ["nan", "inf", "-inf"]}],
}


def _metrics() -> dict[str, Any]:
    number = {"anyOf": [{"$ref": "#/$defs/number"}, {"type": "null"}]}
    known = {
        name: {**number, "description": _sentence(METRICS[name].__doc__ or "")} for name in METRICS
    }
    return {
        "description": "Name of a metric to its number.",
        "type": "object",
        "properties": known,
        "additionalProperties": number,
    }


def _texts(one: type) -> dict[str, str]:
    """The strings that stand below the fields of a class."""
    found = {}
    for base in one.__bases__:
        found.update(_texts(base) if is_dataclass(base) else {})
    body = ast.parse(textwrap.dedent(inspect.getsource(one))).body[0]
    assert isinstance(body, ast.ClassDef)
    for field, below in zip(body.body, body.body[1:], strict=False):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[field.target.id] = re.sub(r"\s+", " ", str(below.value.value)).strip()
    return found


def _sentence(text: str) -> str:
    return re.sub(r"\s+", " ", text.strip().partition("\n\n")[0])
