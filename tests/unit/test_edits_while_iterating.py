"""Graphs are edited while they are gone through: nothing crashes, and they hold together."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool import Graph, Node
from pyonnxtool.errors import ModelError

UNARY = ("Relu", "Neg", "Exp", "Tanh", "Identity")
BINARY = ("Add", "Mul", "Sub")


def net(random: Random) -> pot.Model:
    """Nodes on float[4], one of them an If whose branches read values around it."""
    names = ["x", "w"]
    lines = []
    for number in range(12):
        made = f"v{number}"
        if number == 6:
            then, other = random.choice(names), random.choice(names)
            lines.append(
                f"{made} = If (c) <then_branch = t () => (float[4] a) {{ q = Neg ({then}) "
                f"a = Exp (q) }}, else_branch = e () => (float[4] b) {{ b = Abs ({other}) }}>"
            )
        elif random.random() < 0.5:
            lines.append(f"{made} = {random.choice(UNARY)} ({random.choice(names)})")
        else:
            one, other = random.choice(names), random.choice(names)
            lines.append(f"{made} = {random.choice(BINARY)} ({one}, {other})")
        names.append(made)
    body = "\n".join(lines)
    return pot.from_proto(
        onnx.parser.parse_model(
            '<ir_version: 8, opset_import: ["" : 17]> g (bool c, float[4] x) => '
            f"(float[4] v9, float[4] v11) <float[4] w = {{1, 2, 3, 4}}> {{ {body} }}"
        )
    )


def take_off(node: Node, random: Random) -> None:
    node.bypass(random.randrange(len(node.inputs)) if node.inputs else None)


def remove(node: Node, _: Random) -> None:
    made = [one for one in node.outputs if one is not None]
    if not any(one.consumers or one.is_output for one in made):
        node.graph.remove_node(node)


def put_after(node: Node, random: Random) -> None:
    graph = node.graph
    value = random.choice(graph.values)
    graph.insert_after(value, lambda v: graph.op(random.choice(BINARY), v, v))


def put_after_some(node: Node, _: Random) -> None:
    value = next(one for one in node.inputs if one is not None)
    node.graph.insert_after(value, lambda v: node.graph.op("Abs", v), readers=value.consumers[:1])


def rewire(node: Node, random: Random) -> None:
    graph = node.graph
    there = graph.values
    node.set_inputs([random.choice(there) for _ in node.inputs])


def stand_in(node: Node, random: Random) -> None:
    graph = node.graph
    there = graph.values
    graph.replace_uses(random.choice(there), random.choice(there))


def rename(node: Node, _: Random) -> None:
    graph = node.graph
    graph.rename_value(node.output_names[0], graph.fresh_name("renamed"))


def copy(node: Node, random: Random) -> None:
    graph = node.graph
    made = {name: graph.fresh_name("copy") for name in node.output_names}
    graph.adopt(node, made, random.choice([None, node]))


def tidy(node: Node, _: Random) -> None:
    node.graph.model.prune()


EDITS: tuple[Callable[[Node, Random], None], ...] = (
    *(take_off, remove, put_after, put_after_some, rewire, stand_in, rename, copy, tidy),
)


def go_through(graph: Graph, random: Random, depth: int) -> int:
    """Visit nodes, bodies too, with edits in between; how many edits were made."""
    made = 0
    for node in graph.nodes:
        assert node.op_type  # of a node that is there
        if random.random() < 0.5:
            try:
                random.choice(EDITS)(node, random)
                made += 1
            except ModelError:  # refused, and the graph is as it was
                pass
        if made > 20:
            break
        if depth and random.random() < 0.3:
            made += go_through(graph, random, depth - 1)
        try:
            bodies = node.subgraphs
        except ModelError:  # it took itself out
            continue
        for body in bodies:
            try:
                made += go_through(body, random, 0)
            except ModelError as error:
                assert "gone" in str(error)
    return made


def edited_at_random(seed: int) -> int:
    """How many edits were made; what is left is checked by us and by the onnx package."""
    random = Random(seed)
    model = net(random)
    made = go_through(model.graph, random, 2)
    for graph in [model.graph, *(b for n in model.graph.nodes for b in n.subgraphs)]:
        graph.sort()
    assert model.verify() == []
    onnx.checker.check_model(pot.to_proto(model))
    return made


@pytest.mark.parametrize("seed", range(0, 60, 20))
def test_random_edits_on_the_way(seed: int) -> None:
    assert sum(edited_at_random(one) for one in range(seed, seed + 20)) > 40


def test_what_is_removed_meanwhile_is_skipped_and_what_is_added_is_not_visited() -> None:
    graph = net(Random(1)).graph
    first = graph.nodes
    seen = []
    for node in first:
        seen.append(node.op_type)
        graph.op("Ceil", "x")
        for other in graph.nodes:
            if other != node and other.op_type == node.op_type and not other.subgraphs:
                other.bypass(0)
    assert "Ceil" not in seen
    assert len(seen) == len(set(seen))
    assert [node.op_type for node in first] == seen


def test_lists_are_of_the_moment_that_they_were_asked_for() -> None:
    graph = net(Random(2)).graph
    for value in graph.outputs:
        graph.remove_output(value)
    assert graph.outputs == []
    for tensor in graph.initializers:
        graph.remove_initializer(tensor.name)
    for value in graph.values:
        if value.producer is not None:
            for reader in value.consumers:
                graph.remove_node(reader)


def test_a_body_that_went_with_its_node_says_so() -> None:
    graph = net(Random(3)).graph
    choice = next(node for node in graph.nodes if node.subgraphs)
    body = choice.subgraphs[0]
    nodes = iter(body.nodes)
    next(nodes)
    for value in choice.outputs:
        assert value is not None
        graph.replace_uses(value, "x")
    graph.remove_node(choice)
    assert list(nodes) == []
    with pytest.raises(ModelError, match="this graph is gone: an edit removed its node"):
        _ = body.nodes
