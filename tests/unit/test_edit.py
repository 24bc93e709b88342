"""Scripts, functions and rules that edit a model: what they are given, and what is told of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool.errors import Refused, UsageError

NET = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n,3] x) => (float[n,3] y) <float two = {2.0}> {
   h = Relu (x)
   r = Relu (h)
   y = Mul (r, two)
}
"""


def net() -> pot.Model:
    return pot.from_proto(onnx.parser.parse_model(NET))


def ops(model: pot.Model) -> list[str]:
    return [node.op_type for node in model.graph.nodes]


@pot.rewrite(lambda op, x: op.Relu(op.Relu(x)))
def relu_twice(match: Any, tape: Any) -> Any:
    """One Relu is enough."""
    return tape.op("Relu", match["x"])


@pot.rewrite(lambda op, x: op.Mul(x, 2.0))
def wrong(match: Any, tape: Any) -> Any:
    """A wrong one."""
    return tape.op("Mul", match["x"], tape.const(np.float32(3)))


def to_neg(graph: pot.Graph) -> None:
    for node in graph.nodes:
        if node.op_type == "Relu":
            node.set_op_type("Neg")


def test_a_function_is_given_the_graph_and_the_old_model_stays() -> None:
    given = net()
    made = pot.edit(given, to_neg)
    assert ops(made.model) == ["Neg", "Neg", "Mul"]
    assert ops(given) == ["Relu", "Relu", "Mul"]
    assert [(one.rule, one.count) for one in made.report.changes] == [("ran to_neg", 1)]
    assert made.report.verification is None


def test_rules_are_applied_and_checked() -> None:
    made = pot.edit(net(), relu_twice, verify=1)
    assert ops(made.model) == ["Relu", "Mul"]
    assert made.report.verification is not None
    assert made.report.changes[0].rule == "relu_twice: One Relu is enough"


def test_a_rule_that_changes_what_is_computed_is_refused_by_its_name() -> None:
    with pytest.raises(Refused, match="wrong: A wrong one"):
        pot.edit(net(), [relu_twice, wrong], verify_rules=1)


def test_rules_are_checked_against_what_a_function_left() -> None:
    made = pot.edit(net(), to_neg, wrong)
    assert made.model.graph.initializers[0].numpy() == 3
    with pytest.raises(Refused, match="wrong: A wrong one"):
        pot.edit(net(), to_neg, wrong, verify_rules=1)


def script(folder: Path, text: str) -> str:
    path = folder / "script.py"
    path.write_text(text)
    return str(path)


BOTH = """
import pyonnxtool as pot
CALLED = []

@pot.rewrite(lambda op, x: op.Relu(op.Relu(x)))
def relu_twice(match: pot.Match, tape: pot.Tape):
    return tape.op("Relu", match["x"])

def edit(graph):
    graph.nodes[-1].set_op_type("Add")

def other(model: pot.Model):
    model.set_metadata("by", "other")
"""


def test_a_script_has_a_function_and_rules(tmp_path: Path) -> None:
    made = pot.edit(net(), script(tmp_path, BOTH))
    assert ops(made.model) == ["Relu", "Add"]
    assert [one.rule for one in made.report.changes] == ["ran script.py: edit", "relu_twice"]


def test_one_of_a_script(tmp_path: Path) -> None:
    path = script(tmp_path, BOTH)
    assert ops(pot.edit(net(), f"{path}:relu_twice").model) == ["Relu", "Mul"]
    assert pot.edit(net(), f"{path}:other").model.metadata == {"by": "other"}


def test_what_a_function_returns_takes_the_place_of_the_model() -> None:
    made = pot.edit(net(), lambda graph: pot.outputs(graph.model, add=["h"]))
    assert [value.name for value in made.model.graph.outputs] == ["y", "h"]
    made = pot.edit(net(), lambda graph: onnx.parser.parse_model(NET))
    assert ops(made.model) == ["Relu", "Relu", "Mul"]


def test_nodes_are_sorted_and_domains_imported_after_a_function() -> None:
    def add(graph: pot.Graph) -> None:
        graph.add_node("Mine", ["r"], ["m"], domain="my.ops")
        graph.nodes[2].set_inputs(["m", "two"])

    made = pot.edit(net(), add)
    assert ops(made.model) == ["Relu", "Relu", "Mine", "Mul"]
    assert made.model.opset_imports == {"": 17, "my.ops": 1}


def raises(graph: pot.Graph) -> None:
    graph.value("nope")


def exits(graph: pot.Graph) -> None:
    raise SystemExit(3)


def returns_number(graph: pot.Graph) -> int:
    return 3


def takes_two(graph: pot.Graph, other: int) -> None: ...


def wants_a_dict(graph: dict[str, int]) -> None: ...


def breaks_it(graph: pot.Graph) -> None:
    graph.remove_node(graph.nodes[0])


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (raises, r"raises failed: ModelError: .*'nope'.* \(line \d+\)"),
        (exits, r"exits failed: SystemExit: 3 \(line \d+\)"),
        (returns_number, "returns_number returned a int; return nothing, and change the graph"),
        (takes_two, "takes_two takes 2 arguments without a default; it is given one, the graph"),
        (wants_a_dict, r"wants_a_dict asks for dict\[str, int\]; what can be asked for is"),
        (3, "a int is no edit: give a script, a function or rules"),
        ([], "say what to do: a script, a function, or rules"),
    ],
)
def test_what_cannot_be_done_is_told(edit: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        pot.edit(net(), edit)


def test_a_graph_that_does_not_hold_together_is_refused() -> None:
    with pytest.raises(Refused, match=r"surgery was refused for 1 reason; nothing is written\n.*h"):
        pot.edit(net(), breaks_it)


def test_of_many_problems_the_first_are_told() -> None:
    def cut_off(graph: pot.Graph) -> None:
        first = graph.nodes[0]
        for at in range(12):
            graph.add_node("Abs", ["h"], [f"a{at}"])
        graph.remove_node(first)

    with pytest.raises(Refused, match=r"\d reasons(.|\n)*and \d more problems"):
        pot.edit(net(), cut_off)


def test_types_that_no_longer_fit_are_refused() -> None:
    def halve(graph: pot.Graph) -> None:
        graph.set_initializer(np.float16(2), "two")

    with pytest.raises(Refused, match=r"tensor\(float\) and 'two' tensor\(float16\), which Mul"):
        pot.edit(net(), halve)


def test_a_rule_that_writes_other_types_is_named() -> None:
    @pot.rewrite(lambda op, x: op.Relu(x))
    def double(match: Any, tape: Any) -> Any:
        return tape.op("Max", match["x"], tape.const(0.0))

    with pytest.raises(Refused, match=r"by the rule double was(.|\n)*tensor\(double\), which Max"):
        pot.edit(net(), double)


def test_an_output_that_another_node_makes_is_compared() -> None:
    @pot.rewrite(lambda op, x: op.Mul(x, 2.0))
    def nothing(match: Any, tape: Any) -> Any:
        return match["x"]

    @pot.rewrite(lambda op, x: op.Mul(x, 1.0))
    def once(match: Any, tape: Any) -> Any:
        return match["x"]

    with pytest.raises(Refused, match="nothing"):
        pot.edit(net(), nothing, verify=1)
    given = net()
    given.graph.set_initializer(np.float32(1), "two")
    made = pot.edit(given, once, verify=1)
    assert ops(made.model) == ["Relu", "Relu"]
    assert made.report.verification is not None


def test_a_new_name_keeps_what_is_declared() -> None:
    given = net()
    given.graph.declare("h", "float32", ["rows", 3])

    def rename(graph: pot.Graph) -> None:
        graph.rename_value("h", "k")

    assert pot.edit(given, rename).model.graph.value("k").shape == ("rows", 3)


def test_what_is_declared_follows_what_is_made() -> None:
    def widen(graph: pot.Graph) -> None:
        graph.set_initializer(np.ones((2, 1, 1), np.float32), "two")

    made = pot.edit(net(), widen)
    assert made.model.graph.outputs[0].shape == (2, "n", 3)
    assert made.report.notes == ("output 'y' is float32[2, n, 3] now, was float32[n, 3]",)


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        ("import nope", "", r"cannot be imported: ModuleNotFoundError: .*\(line 1\)"),
        ("def edit(graph:\n", "", "cannot be imported: SyntaxError"),
        ("x = 3\ndef other(): pass", "", "says nothing to do: .*; it has other"),
        (
            "def edit(graph): pass",
            ":nope",
            "no function and no rule called 'nope'; it has edit",
        ),
        ("def edit(graph):\n    a = 1\n    b = a + ''", "", r"edit failed: TypeError.*\(line 3\)"),
    ],
)
def test_scripts_that_fail(tmp_path: Path, text: str, name: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        pot.edit(net(), script(tmp_path, text) + name)


def test_a_pattern_that_is_none_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rules.py").write_text("import pyonnxtool as pot\n\npot.rewrite(lambda op, x: x)\n")
    with pytest.raises(UsageError, match=r"^rules.py: a pattern returns .* \(line 3\)$"):
        pot.edit(net(), "rules.py")


def test_what_lies_beside_a_script_is_imported_when_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "beside_this_one.py").write_text("NAME = 'Neg'\n")
    path = script(
        tmp_path,
        "def edit(graph):\n    from beside_this_one import NAME\n"
        "    graph.nodes[0].set_op_type(NAME)\n",
    )
    assert ops(pot.edit(net(), path).model)[0] == "Neg"


def test_files_that_are_no_scripts(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        pot.edit(net(), tmp_path / "nope.py")
    with pytest.raises(UsageError, match=re.escape(f"{tmp_path} is a folder")):
        pot.edit(net(), tmp_path)
