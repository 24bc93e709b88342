"""Whether the nodes that a user's rule wrote are ones that ONNX has, at the opset of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnx import checker

from pyonnxtool.errors import UsageError
from pyonnxtool.op_schemas import plain_domain, schema_at, versions_of

if TYPE_CHECKING:
    from onnx import NodeProto

    from pyonnxtool._core import Function, Model
    from pyonnxtool.rewriting.tape import Tape


def unfit(tape: Tape, holder: Model | Function, ir_version: int, rule: str) -> str:
    """Why the model cannot have what is on the tape: an operator that its opset lacks; or "".

    Raises UsageError, which names the rule, for a node that no opset has: an attribute or a number
    of inputs that is wrong.
    """
    for node in tape.nodes:
        if plain_domain(node.domain):
            continue
        if schema_at(node.op_type, tape.opset) is None:
            return _lacking(node, tape.opset, rule)
        _check(node, tape.opset, holder, ir_version, rule)
    return ""


def _lacking(node: NodeProto, opset: int, rule: str) -> str:
    versions = versions_of(node.op_type)
    if not versions:
        raise UsageError(
            f"rule {rule} writes {node.op_type}, which is no operator of ai.onnx; one of another "
            "domain is written with domain="
        )
    first = min(versions)
    return (
        f"it writes {node.op_type}, which ai.onnx has from opset {first} on, and the model is of "
        f"{opset}; raise that first: pyonnxtool opset --to {first}"
    )


def _check(
    node: NodeProto, opset: int, holder: Model | Function, ir_version: int, rule: str
) -> None:
    if any(one.HasField("g") for one in node.attribute):  # the checker knows nothing around a body
        return
    context: Any = checker.C.CheckerContext()
    context.ir_version = max(ir_version, 3)
    context.opset_imports = {**holder.opset_imports, "": opset}
    try:
        checker.check_node(node, context)
    except checker.ValidationError as error:
        first = str(error).strip().splitlines()[0]
        told = f"rule {rule} writes a {node.op_type} that is not valid: {first}"
        raise UsageError(told) from error
