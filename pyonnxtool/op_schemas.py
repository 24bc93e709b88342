"""The onnx package's operator schemas: which versions there are, and what each takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx.defs import OpSchema

_ODD_NAMES = {"float32": "float", "float64": "double"}
"""Element types that ONNX calls otherwise than numpy."""


def plain_domain(domain: str) -> str:
    """The domain, of whose two names "ai.onnx" is one and "" the other."""
    return "" if domain == "ai.onnx" else domain


@cache
def newest_opset() -> int:
    """The highest opset of ai.onnx that the onnx package has schemas for."""
    from onnx import defs  # noqa: PLC0415 - loaded when it is needed

    return int(defs.onnx_opset_version())


@cache
def _history() -> Mapping[tuple[str, str], Mapping[int, OpSchema]]:
    from onnx import defs  # noqa: PLC0415 - loaded when it is needed

    found: dict[tuple[str, str], dict[int, OpSchema]] = defaultdict(dict)
    for schema in defs.get_all_schemas_with_history():
        found[plain_domain(schema.domain), schema.name][schema.since_version] = schema
    return {key: dict(sorted(versions.items())) for key, versions in found.items()}


def standard_ops() -> list[str]:
    """Every operator that ai.onnx has or ever had, sorted."""
    return sorted(name for domain, name in _history() if not domain)


def versions_of(op_type: str, domain: str = "") -> Mapping[int, OpSchema]:
    """Opset in which the operator was new or changed, to its schema; ascending."""
    return _history().get((plain_domain(domain), op_type), {})


@cache
def schema_at(op_type: str, version: int, domain: str = "") -> OpSchema | None:
    """The schema that holds in this opset; None before there was one."""
    versions = versions_of(op_type, domain)
    return versions[max(known)] if (known := [v for v in versions if v <= version]) else None


@cache
def same_meaning(domain: str, op_type: str, version: int, other: int) -> bool:
    """An operator that was not changed between two versions of its domain means the same."""
    first, second = (schema_at(op_type, at, domain) for at in (version, other))
    if first is None or second is None:
        return False
    return bool(first.since_version == second.since_version)


def tensor_type(dtype: str) -> str:
    """As schemas write it: "tensor(float)" of "float32"."""
    return f"tensor({_ODD_NAMES.get(dtype, dtype)})"


@cache
def first_opset_of_type(type_text: str) -> int | None:
    """The first opset of which a schema takes or gives values of this type; None: there is none."""
    found = [
        version
        for (domain, _), versions in _history().items()
        if not domain
        for version, schema in versions.items()
        if any(type_text in one.allowed_type_strs for one in schema.type_constraints)
        or any(type_text in one.types for one in [*schema.inputs, *schema.outputs])
    ]
    return min(found, default=None)
