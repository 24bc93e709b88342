"""Which nodes compute in float16, and which of their operands are of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from pyonnxtool.op_schemas import schema_at, versions_of
from pyonnxtool.surgery.half import operators
from pyonnxtool.surgery.half.counts import casts_integers, counting, may_be_large
from pyonnxtool.surgery.half.values import is_plain

if TYPE_CHECKING:
    from onnx.defs import OpSchema

    from pyonnxtool._core import Graph, Node
    from pyonnxtool.surgery.half.constants import Constants
    from pyonnxtool.surgery.half.values import Key, Values

Operands: TypeAlias = "dict[int, Key]"
"""Numbers of inputs or outputs to the values that they are."""

HALF, FLOAT = "float16", "float32"
_BODIES = ("If", "Loop", "Scan")
_SCATTERS = ("ScatterElements", "ScatterND")

ASKED = "it was asked for"
_COUNTS = "it counts: sizes, positions or angles have more digits than float16"
_OWN_CASTS = "the model itself casts to float32 here"
_WIDE = "its input may be beyond what float16 holds"
_BETWEEN = "it stands between DequantizeLinear and QuantizeLinear"
_UNKNOWN = "the type of an operand is not known"
_NO_FORM = "no form of it in float16 is known"
_BEYOND = "a constant of it is beyond what float16 holds"
_SMALL = "a constant of it is too small for float16"
_SEEN = "its values pass 65504 on the inputs that were run"
_SQUARE = "a square passes 65504, or loses all digits, where its input does not"


@dataclass(frozen=True)
class Step:
    """What becomes of one node."""

    node: Node
    wants: dict[int, str] = field(default_factory=dict)
    """Number of a float32 input to the type in which it is read; others are read as they are."""
    makes: dict[int, str] = field(default_factory=dict)
    """Number of a float32 output to the type in which it is made."""
    kept: str = ""
    """Why it stays in float32; empty for what does not."""


@dataclass
class Plan:
    """What becomes of a model."""

    steps: list[Step] = field(default_factory=list)
    """Of all graphs; a node comes before those of its bodies."""
    stored: dict[Key, str] = field(default_factory=dict)
    """The type in which each value that was float32 is from now on; constants are not in it."""
    ends: list[tuple[Graph, str, str]] = field(default_factory=list)
    """Outputs of graphs that were float32, and what they have to be."""


@dataclass(frozen=True)
class Choice:
    """What the user wants."""

    keep: Collection[Node] = ()
    """Nodes that stay in float32."""
    convert: Collection[Node] = ()
    """Nodes that do not, although their operator usually does."""
    large: Collection[str] = ()
    """Values of the main graph that pass float16 when the model runs."""
    io: bool = False
    """Inputs and outputs of the model become float16 too."""


def planned(values: Values, constants: Constants, choice: Choice) -> Plan:
    """The plan; `constants` know which of them float16 does not hold."""
    return _Planner(values, constants, choice).run()


@dataclass(frozen=True)
class _Given:
    """A node, and which of its inputs and outputs are float32 tensors."""

    node: Node
    floats: Operands
    outputs: Operands


class _Planner:
    def __init__(self, values: Values, constants: Constants, choice: Choice) -> None:
        self._values, self._constants, self._choice = values, constants, choice
        self._keep, self._convert = set(choice.keep), set(choice.convert)
        top = values.graphs[0]
        self._opsets = top.model.opset_imports
        self._order = list(_in_order(top))
        self._counting = counting(values, self._order)
        self._wide: set[Key] = set()
        self._dequantized: set[Key] = set()
        self._plan = Plan()

    def run(self) -> Plan:
        top = self._values.graphs[0]
        border = HALF if self._choice.io else FLOAT
        self._begin(top, border)
        for node in self._order:
            step = self._step(node)
            self._plan.steps.append(step)
            for place, dtype in step.makes.items():
                self._plan.stored[self._output(node, place)] = dtype
            for body in node.subgraphs:
                inner = FLOAT if step.kept else HALF
                self._begin(body, inner)
                self._end(body, inner)
        self._end(top, border)
        return self._plan

    def _begin(self, graph: Graph, dtype: str) -> None:
        for value in graph.inputs:
            key = (graph, value.name)
            if self._values.kind(key) == "float32":
                default = value.initializer is not None
                self._plan.stored[key] = FLOAT if default else dtype

    def _end(self, graph: Graph, dtype: str) -> None:
        for value in graph.outputs:
            key = self._values.key(graph, value.name)
            if key is not None and self._values.kind(key) == "float32":
                self._plan.ends.append((graph, value.name, dtype))

    def _output(self, node: Node, place: int) -> Key:
        return node.graph, node.output_names[place]

    def _step(self, node: Node) -> Step:
        given = self._given(node)
        if is_plain(node, "Constant") or not (given.floats or given.outputs or node.subgraphs):
            return Step(node)  # of a constant the readers decide
        if reason := ASKED if node in self._keep else self._unreadable(given):
            return self._kept(given, reason)
        whole = Step(node, dict.fromkeys(given.floats, HALF), dict.fromkeys(given.outputs, HALF))
        if is_plain(node, *_BODIES):  # everything that goes in and out of bodies is of one type
            return whole
        if (node.domain == "com.microsoft" and node.op_type in operators.CONTRIB) or (
            is_plain(node, "SimplifiedLayerNormalization") and len(given.outputs) == 1
        ):
            return whole
        schema = self._schema(node)
        return self._kept(given, _NO_FORM) if schema is None else self._of_schema(given, schema)

    def _schema(self, node: Node) -> OpSchema | None:
        """The first one where the opset has none yet: onnxruntime fuses into such operators."""
        if node.domain not in ("", "ai.onnx"):
            return None
        first = next(iter(versions_of(node.op_type).values()), None)
        return schema_at(node.op_type, self._opsets.get("", 1)) or first

    def _given(self, node: Node) -> _Given:
        values = self._values
        read = [(at, values.key(node.graph, name)) for at, name in enumerate(node.input_names)]
        made = [(at, (node.graph, name)) for at, name in enumerate(node.output_names) if name]
        floats = {at: key for at, key in read if key and values.kind(key) == "float32"}
        outputs = {at: key for at, key in made if values.kind(key) == "float32"}
        return _Given(node, floats, outputs)

    def _unreadable(self, given: _Given) -> str:
        """Why it cannot be said which of the node's operands are float32 tensors."""
        node, values = given.node, self._values
        borders = [v for body in node.subgraphs for v in (*body.inputs, *body.outputs)]
        places = [(node.graph, name) for name in (*node.input_names, *node.output_names)]
        places += [(value.graph, value.name) for value in borders]
        keys = [values.key(graph, name) for graph, name in places if name]
        kinds = {"unknown" if key is None else values.kind(key) for key in keys}
        if "unknown" in kinds:
            return _UNKNOWN if node.domain in ("", "ai.onnx") else _NO_FORM
        return operators.KEPT["SequenceAt"] if "items" in kinds else ""

    def _kept(self, given: _Given, reason: str, *, wide: bool = False) -> Step:
        if wide:
            self._wide.update(given.outputs.values())
        wants, makes = dict.fromkeys(given.floats, FLOAT), dict.fromkeys(given.outputs, FLOAT)
        return Step(given.node, wants, makes, reason)

    def _of_schema(self, given: _Given, schema: OpSchema) -> Step:
        node = given.node
        if is_plain(node, "Cast"):
            return self._cast(given)
        held = {at: key for at, key in given.floats.items() if self._values.tensor(key)}
        fed = {at: key for at, key in given.floats.items() if at not in held}
        if node not in self._convert or node.op_type in operators.NEVER:
            if self._dequantized.intersection(fed.values()):
                return self._between(given)
            for check in (
                self._counts,
                self._seen,
                self._held_reason,
                self._op_reason,
                self._fed_reason,
            ):
                if reason := check(given, fed, held):
                    return self._kept(given, reason, wide=self._stays_wide(given, reason, fed))
            if is_plain(node, *operators.MOVES):
                return self._moved(given, schema, list(fed.values()))
            if not given.outputs:
                return self._looked_at(given, schema, fed)
        return self._half(given, schema) or self._kept(given, _NO_FORM)

    def _counts(self, given: _Given, _fed: Operands, _held: Operands) -> str:
        return _COUNTS if given.node in self._counting else ""

    def _seen(self, given: _Given, fed: Operands, _held: Operands) -> str:
        """Only of the main graph is known which values those are."""
        touched = [*fed.values(), *given.outputs.values()]
        main = self._values.graphs[0]
        large = any(graph == main and name in self._choice.large for graph, name in touched)
        return _SEEN if large else ""

    def _held_reason(self, given: _Given, _fed: Operands, held: Operands) -> str:
        if any(self._constants.beyond(key, given.node) for key in held.values()):
            return _BEYOND
        small = any(self._constants.too_small(key, given.node) for key in held.values())
        return _SMALL if small else ""

    def _op_reason(self, given: _Given, fed: Operands, held: Operands) -> str:
        node = given.node
        if is_plain(node, "DequantizeLinear"):
            self._dequantized.update(given.outputs.values())
        if is_plain(node, *operators.KEPT):
            return operators.KEPT[node.op_type]
        if node.attributes.get("reduction", "none") != "none" and is_plain(node, *_SCATTERS):
            return operators.REDUCES
        return _SQUARE if _squares(node, fed, held) else ""

    def _fed_reason(self, given: _Given, fed: Operands, _held: Operands) -> str:
        wide = bool(self._wide.intersection(fed.values()))
        return _WIDE if wide and is_plain(given.node, *operators.CHEAP) else ""

    def _stays_wide(self, given: _Given, reason: str, fed: Operands) -> bool:
        """Whether float16 may not hold what such a node makes either."""
        if reason == _WIDE:
            return given.node.op_type in operators.STAYS_WIDE and len(fed) == 1
        return reason in (_COUNTS, _BEYOND, _SMALL, _SQUARE) or given.node.op_type in operators.WIDE

    def _cast(self, given: _Given) -> Step:
        node = given.node
        if not given.outputs:
            return Step(node)  # of whatever it is given
        if given.floats:  # float32 to float32
            dtype = self._type_of(list(given.floats.values()))
            return Step(node, {}, {0: dtype})
        source = self._values.first_input(node)
        if source is not None and self._values.fact(source).dtype == "float16":
            return self._kept(given, _OWN_CASTS, wide=True)
        if node in self._counting:
            return self._kept(given, _COUNTS, wide=True)
        if casts_integers(self._values, node) and may_be_large(self._values, node):
            return self._kept(given, _WIDE, wide=True)
        return Step(node, {}, {0: HALF})

    def _between(self, given: _Given) -> Step:
        if is_plain(given.node, *operators.MOVES):
            self._dequantized.update(given.outputs.values())
        return self._kept(given, _BETWEEN)

    def _moved(self, given: _Given, schema: OpSchema, fed: Sequence[Key]) -> Step:
        wide = bool(self._wide.intersection(fed))
        if not fed or (self._type_of(fed) == HALF and not wide):
            return self._half(given, schema) or self._kept(given, _NO_FORM)
        return self._kept(given, "", wide=wide)

    def _type_of(self, keys: Sequence[Key]) -> str:
        """float16 if any of them is."""
        return HALF if any(self._plan.stored.get(key) == HALF for key in keys) else FLOAT

    def _looked_at(self, given: _Given, schema: OpSchema, fed: Operands) -> Step:
        """It makes no floats, so it may read them as they come, if they come in one type."""
        free = self._half(given, schema)
        if free is None or FLOAT in free.wants.values():
            return free or self._kept(given, _NO_FORM)
        come = {self._plan.stored.get(key, FLOAT) for key in fed.values()}
        dtype = HALF if come == {HALF} else FLOAT
        return Step(given.node, dict.fromkeys(given.floats, dtype))

    def _half(self, given: _Given, schema: OpSchema) -> Step | None:
        """None where an output would not know its type, or the operator has no float16."""
        wants: dict[int, str] = {}
        bound: set[str] = set()
        for at in given.floats:
            param = schema.inputs[min(at, len(schema.inputs) - 1)]
            free = "tensor(float16)" in param.types and not param.type_str.startswith("tensor")
            wants[at] = HALF if free else FLOAT
            bound |= {param.type_str} if free else set()
        makes: dict[int, str] = {}
        for at in given.outputs:
            param = schema.outputs[min(at, len(schema.outputs) - 1)]
            if "tensor(float16)" not in param.types:
                makes[at] = FLOAT
            elif param.type_str in bound or is_plain(given.node, "ConstantOfShape"):
                makes[at] = HALF
            else:
                return None
        if HALF not in wants.values() and HALF not in makes.values():
            return None
        return Step(given.node, wants, makes)


def _squares(node: Node, fed: Operands, held: Operands) -> bool:
    """Whether it is x * x, or a constant over x."""
    if is_plain(node, "Mul"):
        return len(fed) == 2 and len(set(fed.values())) == 1
    return is_plain(node, "Div") and 0 in held and 1 in fed


def _in_order(graph: Graph) -> Iterator[Node]:
    for node in graph.order():
        yield node
        for body in node.subgraphs:
            yield from _in_order(body)
