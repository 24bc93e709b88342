"""Einsum below opset 12, held against numpy's; operands are small integers, and sums exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from tests.support.downgraded import lowered, refusal, run_ort, source

DTYPES = {"float32": 1, "float64": 11, "int64": 7, "int32": 6}


def model_of(
    equation: str, shapes: list[list[int | str]], rank: int, dtype: str = "float32"
) -> onnx.ModelProto:
    names = [f"x{place}" for place in range(len(shapes))]
    inputs = [
        helper.make_tensor_value_info(name, DTYPES[dtype], shape)
        for name, shape in zip(names, shapes, strict=True)
    ]
    output = helper.make_tensor_value_info("y", DTYPES[dtype], [None] * rank)
    node = helper.make_node("Einsum", names, ["y"], equation=equation)
    graph = helper.make_graph([node], "g", inputs, [output])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)


def compare(
    equation: str,
    arrays: list[np.ndarray[Any, Any]],
    to: int,
    shapes: list[list[int | str]] | None = None,
) -> onnx.ModelProto:
    """Equal bits; the shapes are declared, those of the arrays unless given."""
    exact = np.einsum(equation, *arrays)
    given = shapes or [list(one.shape) for one in arrays]
    made = lowered(model_of(equation, given, exact.ndim, str(arrays[0].dtype)), to)
    (found,) = run_ort(made, {f"x{place}": one for place, one in enumerate(arrays)})
    np.testing.assert_array_equal(found, exact, strict=True)
    return made


def small(rng: np.random.Generator, shape: list[int], dtype: str = "float32") -> Any:
    return rng.integers(-3, 4, shape).astype(dtype)


EQUATIONS = {
    "ij->ji": 1,
    "ij->": 1,
    "ii->i": 3,
    "ij,jk->ik": 1,
    "ij,jk": 1,
    "ij,jk->ki": 2,
    "kj,ij->ik": 2,  # the operands change places
    "bij,bjk->bik": 1,
    "bhqd,bhkd->bhqk": 2,
    "bqhd,bkhd->bhqk": 3,
    "bsi,ij->bsj": 1,
    "i,j->ij": 2,
    "i,i->": 2,
    "bi,bi->b": 2,
    "ij,ij->j": 2,
    "ij,ij->ji": 2,
    "bi,bij->bj": 3,
    "...i,ij->...j": 1,
}
"""To how many nodes they lead, for operands of known sizes."""


@pytest.mark.parametrize("to", [11, 8])
@pytest.mark.parametrize("equation", EQUATIONS)
def test_common_equations_take_few_nodes(equation: str, to: int) -> None:
    sizes = {letter: 2 + place for place, letter in enumerate("bhijkqds")}
    sizes |= {"i": 3, "j": 3}
    rng = np.random.default_rng(0)
    terms = equation.partition("->")[0].replace("...", "bs").split(",")
    arrays = [small(rng, [sizes[one] for one in term]) for term in terms]
    made = compare(equation, arrays, to)
    assert len(made.graph.node) <= EQUATIONS[equation]


def drawn(rng: np.random.Generator) -> tuple[str, list[Any]]:
    """Up to four operands; labels repeat, sizes of 1 are broadcast, there may be an ellipsis."""
    pool = list("ijkBab"[: rng.integers(1, 7)])
    sizes = {one: int(rng.integers(1, 5)) for one in pool}
    dots = [int(one) for one in rng.integers(1, 4, rng.integers(0, 3))]
    terms, arrays = [], []
    for _ in range(rng.integers(1, 5)):
        count = int(rng.integers(0, 5))
        repeats = rng.random() < 0.3
        labels = list(rng.choice(pool, count if repeats else min(count, len(pool)), repeats))
        shape = [sizes[one] if labels.count(one) > 1 or rng.random() < 0.9 else 1 for one in labels]
        if rng.random() < 0.3:
            at = int(rng.integers(0, len(labels) + 1))
            labels.insert(at, "...")
            shape[at:at] = [one if rng.random() < 0.8 else 1 for one in dots]
        terms.append("".join(labels))
        arrays.append(small(rng, shape, str(rng.choice(list(DTYPES)[:1]))))
    equation = ",".join(terms)
    if rng.random() < 0.7:
        used = sorted({one for term in terms for one in term} - {"."})
        output = list(rng.permutation(used)[: rng.integers(0, 5)])
        if "." in equation:
            output.insert(int(rng.integers(0, len(output) + 1)), "...")
        equation += "->" + "".join(output)
    return equation, arrays


@pytest.mark.parametrize("seed", range(60))
def test_any_equation_of_known_sizes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    equation, arrays = drawn(rng)
    compare(equation, arrays, [11, 9][seed % 2])


@pytest.mark.parametrize("seed", range(60, 120))
def test_any_equation_of_open_sizes(seed: int) -> None:
    """Sizes of 1 that only show when the model runs are broadcast nowhere that axes are summed."""
    rng = np.random.default_rng(seed)
    equation, arrays = drawn(rng)
    terms = equation.partition("->")[0].split(",")
    shapes: list[list[int | str]] = [
        [
            size if size == 1 or rng.random() < 0.3 else f"d{at}_{axis}"
            for axis, size in enumerate(one.shape)
        ]
        for at, one in enumerate(arrays)
    ]
    assert len(terms) == len(shapes)
    compare(equation, arrays, [11, 9][seed % 2], shapes)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("to", [11, 9])
def test_dtypes(dtype: str, to: int) -> None:
    rng = np.random.default_rng(0)
    arrays = [small(rng, [2, 3], dtype), small(rng, [3, 4], dtype)]
    compare("ij,jk->k", arrays, to)


def test_integers_wrap() -> None:
    large = np.array([[2**30, 2**30, 2**30]], np.int32)
    compare("ij,ij->i", [large, np.full_like(large, 2)], 11)


@pytest.mark.parametrize("equation", ["ij,jk->ik", "ij->", "ij,ij->ij", "ij,jk->ijk"])
def test_of_nothing(equation: str) -> None:
    shapes = {"i": 2, "j": 0, "k": 3}
    terms = equation.partition("->")[0].split(",")
    compare(equation, [np.zeros([shapes[one] for one in term], "float32") for term in terms], 11)


def test_weights_are_turned_at_once() -> None:
    text = (
        "g (float[N,2] x) => (float[?,?] y) <float[3,2] w = {1, 2, 3, 4, 5, 6}>"
        '{ y = Einsum <equation = "ni,oi->no"> (x, w) }'
    )
    made = lowered(source(text, 12), 11)
    assert [node.op_type for node in made.graph.node] == ["MatMul"]


@pytest.mark.parametrize(
    ("equation", "why"),
    [
        ("ij", "1 terms for 2 operands"),
        ("ij,j->k", "cannot be an output"),
        ("ij,j->ii", "cannot be an output"),
        ("ijk,j", "does not fit an operand of rank 2"),
        ("i1,j", "does not fit"),
        ("ii,j", "differ in size"),
        ("...,...->", "the ellipsis of its operands is none of its output"),
    ],
)
def test_equations_that_say_nothing_are_refused(equation: str, why: str) -> None:
    text = "g (float[2,3] x, float[3] z) => (float y)"
    text += f'{{ y = Einsum <equation = "{equation}"> (x, z) }}'
    assert why in refusal(source(text, 12), 11)


def test_an_operand_that_is_missing_is_refused() -> None:
    text = 'g (float[2,3] x) => (float y) { y = Einsum <equation = "ij,j"> (x, ) }'
    model = onnx.parser.parse_model(source(text, 12))
    model.graph.node[0].input[:] = ["x", ""]
    assert "an operand is missing" in refusal(model, 11)
