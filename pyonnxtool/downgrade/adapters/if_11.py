"""If from 11 to 10: both branches give one shape."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from onnx import GraphProto, ValueInfoProto, helper

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.adapters._loops import begun, loop
from pyonnxtool.downgrade.function_body import unwrapped
from pyonnxtool.rewriting.decision import KEEP
from pyonnxtool.rewriting.tape import elem_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.operand import Dim
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("If", 11))
def if_(node: NodeView, tape: Tape) -> Decision:
    """11 -> 10: branches of different shapes become two Loops of one turn or none.

    Only one of them stays where it is known which.
    """
    known = node["cond"].const
    branches = {one.name: one.g for one in node.to_proto().attribute}
    if known is not None and known.size == 1 and len(branches) == 2:
        return unwrapped(branches["then_branch" if known.item() else "else_branch"], tape)
    if not _shapes_differ(node, branches):
        return KEEP
    dtypes = [output.dtype for output in node.outputs]
    if None in dtypes:
        return node.refuse("its branches give different shapes, and of what type is not known")
    given = [dtype for dtype in dtypes if dtype is not None]
    condition = node["cond"]
    turns = {
        "then_branch": tape.cast(condition, "int64"),
        "else_branch": tape.cast(tape.op("Not", condition), "int64"),
    }
    empty = {"string": ""}
    values = tuple(tape.const(empty.get(dtype, 0), dtype) for dtype in given)
    going = tape.const(True, "bool")  # may be omitted, but the reference evaluator stops then
    for name, count in turns.items():
        values = loop(tape, count, going, values, _body(branches[name], given, tape))
    return values


def _shapes_differ(node: NodeView, branches: Mapping[str, GraphProto]) -> bool:
    """As they are computed, or as they are declared: onnx reads both."""
    bodies = node.node.subgraphs
    if len(bodies) != 2 or len(branches) != 2:
        return False
    computed = [[node.inside(body, one.name).dims for one in body.outputs] for body in bodies]
    declared = [[_declared(one) for one in body.output] for body in branches.values()]
    rows = zip(*computed, *declared, strict=False)
    return any(_differ(*pair) for row in rows for pair in combinations(row, 2))


def _declared(info: ValueInfoProto) -> list[Dim] | None:
    tensor = info.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return [one.dim_value if one.HasField("dim_value") else None for one in tensor.shape.dim]


def _differ(ours: list[Dim] | None, theirs: list[Dim] | None) -> bool:
    if ours is None or theirs is None:
        return False
    if len(ours) != len(theirs):
        return True
    pairs = zip(ours, theirs, strict=True)
    return any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs)


def _body(branch: GraphProto, dtypes: list[str], tape: Tape) -> GraphProto:
    """What the branch computes, whatever it is given."""
    body, _ = begun(tape, branch.name)
    body.initializer.extend(branch.initializer)
    body.node.extend(branch.node)
    for info, dtype in zip(branch.output, dtypes, strict=True):
        given, made = tape.fresh("before"), tape.fresh(info.name)
        body.input.append(helper.make_tensor_value_info(given, elem_type(dtype), None))
        body.node.append(helper.make_node("Identity", [info.name], [made]))
        body.output.append(helper.make_tensor_value_info(made, elem_type(dtype), None))
    return body
