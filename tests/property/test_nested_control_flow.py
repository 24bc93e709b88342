"""Random branches, loops and scans in each other compute the same once they are taken apart."""

from __future__ import annotations

import numpy as np
import pytest

from support.specialized import parse
from support.taken_apart import compared

UNARY = ("Sin", "Cos", "Tanh", "Neg", "Abs")
BINARY = ("Add", "Sub", "Max", "Min")
NAMES = [f"{letter}{number}" for letter in "abcdefgh" for number in range(9)]


class Scope:
    """Names of a graph: bodies beside each other may have the same, a body and what is around it
    may not."""

    def __init__(self, around: Scope | None = None) -> None:
        self.around = around
        self.own: set[str] = set()
        self.inside: set[str] = set()

    def taken(self) -> set[str]:
        return self.own | (self.around.taken() if self.around else set())

    def take(self, name: str) -> None:
        self.own.add(name)
        outer = self.around
        while outer is not None:
            outer.inside.add(name)
            outer = outer.around


class Writer:
    """Text of a graph whose bodies use the same few names again, where ONNX allows that."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def pick(self, options: list[str]) -> str:
        return str(self.rng.choice(options))

    def fresh(self, scope: Scope) -> str:
        """A name that nothing here, around or inside has; a body beside this one may have it."""
        taken = scope.taken() | scope.inside
        free = [name for name in NAMES if name not in taken]
        name = self.pick(free or [f"n{len(taken)}"])
        scope.take(name)
        return name

    def nodes(self, seen: list[str], scope: Scope, depth: int) -> str:
        """A few nodes; what they make is appended to `seen`."""
        text = []
        for _ in range(int(self.rng.integers(2, 4))):
            kind = int(self.rng.integers(0, 6 if depth < 3 else 2))
            if kind == 0:
                made = f"{self.pick(list(UNARY))} ({self.pick(seen)})"
            elif kind == 1:
                made = f"{self.pick(list(BINARY))} ({self.pick(seen)}, {self.pick(seen)})"
            elif kind == 2:
                made = self.branches(seen, scope, depth)
            elif kind in (3, 4):
                text.append(self.loop(seen, scope, depth))
                continue
            else:
                made = self.scan(seen, scope, depth)
            name = self.fresh(scope)
            text.append(f"{name} = {made}")
            seen.append(name)
        return "\n".join(text)

    def body(self, inputs: list[str], seen: list[str], scope: Scope, depth: int) -> str:
        inside = [*seen, *inputs]
        text = self.nodes(inside, scope, depth + 1)
        self.last = [self.hand_on(inside[-1], scope), self.hand_on(self.pick(inside), scope)]
        return text + "\n" + "\n".join(line for _, line in self.last)

    def hand_on(self, name: str, scope: Scope) -> tuple[str, str]:
        # onnxruntime wants what a body returns to be made by a node of it.
        made = self.fresh(scope)
        return made, f"{made} = Mul ({name}, half)"

    def branches(self, seen: list[str], scope: Scope, depth: int) -> str:
        parts = []
        for branch in ("then_branch", "else_branch"):
            own = Scope(scope)
            text = self.body([], seen, own, depth)
            parts.append(f"{branch} = p () => (float[3,4] {self.last[0][0]}) {{ {text} }}")
        return f"If ({self.pick(['yes', 'no', 'flag'])}) <{', '.join(parts)}>"

    def loop(self, seen: list[str], scope: Scope, depth: int) -> str:
        outputs = [self.fresh(scope), self.fresh(scope)]
        first = self.pick(seen)
        own = Scope(scope)
        i, going, h, go = (self.fresh(own) for _ in range(4))
        text = self.body([h], seen, own, depth)
        (carried, _), (row, _) = self.last
        end = self.pick([f"{go} = Identity ({going})", f"{go} = Less ({i}, one)"])
        trip = self.pick(["zero", "one", "three", "three"])
        total = self.fresh(scope)
        seen.append(outputs[0])
        seen.append(total)
        return (
            f"{outputs[0]}, {outputs[1]} = Loop ({trip}, yes, {first}) <body = q (int64 {i}, "
            f"bool {going}, float[3,4] {h}) => (bool {go}, float[3,4] {carried}, "
            f"float[3,4] {row}) {{ {text} {end} }}>\n"
            f"{total} = ReduceSum <keepdims = 0> ({outputs[1]}, first_axis)"
        )

    def scan(self, seen: list[str], scope: Scope, depth: int) -> str:
        own = Scope(scope)
        h, row = self.fresh(own), self.fresh(own)
        first = self.pick(seen)
        text = self.body([h, row], seen, own, depth)
        direction = int(self.rng.integers(0, 2))
        return (
            f"Scan ({first}, rows) <num_scan_inputs = 1, scan_input_directions = [{direction}], "
            f"body = r (float[3,4] {h}, float[3,4] {row}) => (float[3,4] {self.last[0][0]}) "
            f"{{ {text} }}>"
        )

    def graph(self) -> str:
        seen, scope = ["x", "z"], Scope()
        text = self.nodes(seen, scope, 0)
        outputs = sorted({seen[-1], seen[-2], self.pick(seen)} - {"x", "z"})
        listed = ", ".join(f"float[3,4] {name}" for name in outputs)
        return f"""g (float[3,4] x, float[3,4] z, float[2,3,4] rows, bool flag) => ({listed})
          <bool yes = {{1}}, bool no = {{0}}, int64 zero = {{0}}, int64 one = {{1}},
           int64 three = {{3}}, float half = {{0.5}}, int64[1] first_axis = {{0}}> {{ {text} }}"""


@pytest.mark.parametrize("seed", range(40))
def test_random_control_flow_computes_the_same(seed: int) -> None:
    model = parse(Writer(seed).graph())
    rng = np.random.default_rng(seed)
    feed = {
        "x": rng.standard_normal((3, 4)).astype(np.float32),
        "z": rng.standard_normal((3, 4)).astype(np.float32),
        "rows": rng.standard_normal((2, 3, 4)).astype(np.float32),
    }
    found = compared(model, [{**feed, "flag": np.array(flag)} for flag in (True, False)])
    assert found.operators["Scan"] == 0
    assert set(found.left.values()) <= {"its condition is known only at run time"}
