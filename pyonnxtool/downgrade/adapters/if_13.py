"""If from 13 to 12: it gives nothing but tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import helper

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.rewriting.decision import KEEP
from pyonnxtool.rewriting.tape import elem_type

if TYPE_CHECKING:
    from onnx import GraphProto

    from pyonnxtool.rewriting.decision import Decision
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@ADAPTERS.add(("If", 13))
def if_of_sequences(node: NodeView, tape: Tape) -> Decision:
    """13 -> 12: sequences of one length are handed on by their items."""
    facts = [output.fact for output in node.outputs]
    if not any(fact is not None and fact.kind == "sequence" for fact in facts):
        return KEEP
    branches = {one.name: one.g for one in node.to_proto().attribute}
    lengths: list[int | None] = []
    dtypes: list[str] = []
    for place, fact in enumerate(facts):
        found = _length(node, place)
        is_sequence = fact is not None and fact.kind == "sequence"
        inner = fact.inner if fact is not None else None
        if is_sequence and (found is None or inner is None or inner.dtype is None):
            return node.refuse("its branches give sequences of other, or unknown, lengths")
        lengths.append(found if is_sequence else None)
        dtypes.append(inner.dtype if inner is not None and inner.dtype is not None else "")
    for branch in branches.values():
        _open(branch, lengths, dtypes, tape)
    count = sum(1 if length is None else length for length in lengths)
    values = list(tape.many("If", node["cond"], outputs=count, **branches))
    made = []
    for length, dtype in zip(lengths, dtypes, strict=True):
        if length is None:
            made.append(values.pop(0))
            continue
        items, values = values[:length], values[length:]
        construct = "SequenceConstruct" if items else "SequenceEmpty"
        made.append(tape.op(construct, *items, dtype=None if items else elem_type(dtype)))
    return made


def _length(node: NodeView, place: int) -> int | None:
    """How many items both branches give; None when that is not known, or not one number."""
    lengths = set()
    for body in node.node.subgraphs:
        outputs = body.outputs
        fact = node.inside(body, outputs[place].name).fact if place < len(outputs) else None
        lengths.add(None if fact is None or fact.items is None else len(fact.items))
    return lengths.pop() if len(lengths) == 1 else None


def _open(branch: GraphProto, lengths: list[int | None], dtypes: list[str], tape: Tape) -> None:
    """The branch gives the items of its sequences."""
    outputs = list(branch.output)
    del branch.output[:]
    for info, length, dtype in zip(outputs, lengths, dtypes, strict=True):
        if length is None:
            branch.output.append(info)
            continue
        for place in range(length):
            index, item = tape.fresh("place"), tape.fresh("item")
            tensor = helper.make_tensor(index, elem_type("int64"), [], [place])
            branch.node.append(helper.make_node("Constant", [], [index], value=tensor))
            branch.node.append(helper.make_node("SequenceAt", [info.name, index], [item]))
            branch.output.append(helper.make_tensor_value_info(item, elem_type(dtype), None))
