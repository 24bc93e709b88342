"""Operators that an exporter has no translation for, as ONNX nodes of their own domain."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

import torch

from pyonnxtool._core import Model
from pyonnxtool.rewriting import Refusal
from pyonnxtool.rewriting.graphs import graphs_of

_OF_TORCH = frozenset(
    {
        *("aten", "prim", "prims", "onnx", "onnx_symbolic", "debugprims", "rngprims", "profiler"),
        *("inductor", "inductor_prims", "c10d", "_c10d_functional", "_c10d_functional_autograd"),
        *("c10d_functional", "mkl", "mkldnn", "mkldnn_prepacked", "onednn", "sparse", "symm_mem"),
        *("quantized", "_quantized", "quantization", "static_runtime", "streams", "_native"),
        *("debug_mode_ops", "_dtensor", "fsdp", "export", "flex_lib", "_test", "_inductor_test"),
    }
)
"""Domains of torch's own operators: those are translated, decomposed, or asked for by name."""
_COMPOSITE = "CompositeImplicitAutograd"
_LEFT_OUT = ("Device", "Layout", "MemoryFormat", "Generator", "Stream")
"""Types of arguments that say nothing of what is computed."""
_ONNX_TYPES = {
    0: 2,
    1: 3,
    2: 5,
    3: 6,
    4: 7,
    5: 10,
    6: 1,
    7: 11,
    8: 14,
    9: 14,
    10: 15,
    11: 9,
    15: 16,
}
"""Number of a torch.dtype in a trace to that in TensorProto."""
ATEN, FALLBACK = "aten::", "org.pytorch.aten::"
"""Before torch's own operators, in torch and in files of its older exporters."""
_ALIAS = "pyonnxtool."
"""Before the name of a domain that a trace takes for its own."""


class CannotExportError(Exception):
    """A node that no ONNX node can stand for; carries the refusal."""

    def __init__(self, operator: str, reason: str) -> None:
        super().__init__(f"{operator}: {reason}")
        self.refusal = Refusal("", "", f"the operator {operator}: {reason}")


@dataclass
class Opaque:
    """Which operators are exported as nodes of their own, and which really were."""

    asked: frozenset[str] = frozenset()
    """Operators ("DOMAIN::OP") that are, whatever translation an exporter has."""
    missing: set[str] = field(default_factory=set)
    """Of those of torch itself, the ones that turned out to have no translation."""
    written: set[str] = field(default_factory=set)
    """As the nodes have them."""

    def name_of(self, overload: Any) -> str:
        """What the node is called: torch's own as older exporters called them, unless asked for."""
        name = operator_of(overload)
        return name if name in self.asked else name.replace(ATEN, FALLBACK, 1)

    def overloads(self) -> Iterator[Any]:
        """Every operator that this is about: those that packages and users have registered."""
        for name in sorted(torch._C._dispatch_get_all_op_names()):
            qualified, _, overload = name.partition(".")
            domain, _, op = qualified.partition("::")
            named = qualified in self.asked or qualified in self.missing
            if not named and (domain in _OF_TORCH or _is_composite(name)):
                continue
            packet = getattr(getattr(torch.ops, domain), op, None)
            found = getattr(packet, overload or "default", None)
            if found is not None:
                yield found


def writing_operators() -> frozenset[Any]:
    """Those that packages and users have registered and that write into their arguments."""
    return frozenset(one for one in Opaque().overloads() if one._schema.is_mutable)


def operator_of(overload: Any) -> str:
    """`my::op` of an overload."""
    return str(overload._schema.name)


def _is_composite(name: str) -> bool:
    """Whether it is written with other operators, which the exporter sees instead of it."""
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(name, _COMPOSITE))


def translations(opaque: Opaque) -> dict[Any, Callable[..., Any]]:
    """For `torch.onnx.export(custom_translation_table=...)`."""
    known = _translated()
    return {
        overload: _translation(overload, opaque)
        for overload in opaque.overloads()
        if known.isdisjoint((overload, overload.name())) or operator_of(overload) in opaque.asked
    }


@cache
def _translated() -> frozenset[Any]:
    """Operators that the exporter knows: torch's own, by name those of other packages."""
    try:  # only one of the exporters has it
        from torch.onnx._internal.exporter._registration import ONNXRegistry  # noqa: PLC0415

        return frozenset(ONNXRegistry.from_torchlib().functions)
    except (ImportError, AttributeError):  # no public way; without it ours go before its own
        return frozenset()


def _translation(overload: Any, opaque: Opaque) -> Callable[..., Any]:
    from onnxscript import ir, values  # noqa: PLC0415 - only one of the exporters needs it

    schema, operator = overload._schema, opaque.name_of(overload)
    domain, _, op_type = operator.partition("::")

    def translate(*args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip((one.name for one in schema.arguments), args, strict=False)), **kwargs}
        inputs, attributes = _parted(schema, given, lambda one: isinstance(one, ir.Value))
        outputs = _outputs(schema)
        opaque.written.add(operator)
        described = _described(op_type, domain, inputs, outputs, attributes)
        call = values.Op(values.Opset(domain, 1), op_type, described)
        return call(*inputs, **attributes)

    translate.__name__ = op_type
    return translate


def _described(
    op_type: str, domain: str, inputs: Sequence[Any], outputs: int, attributes: dict[str, Any]
) -> Any:
    """The OpSchema of this very call: the recorder wants one for every node."""
    from onnx.defs import OpSchema  # noqa: PLC0415 - only one of the exporters needs it

    formal, optional = OpSchema.FormalParameter, OpSchema.FormalParameterOption.Optional
    every = ["tensor(float)"]
    ins = [(f"i{n}", f"T{n}") for n in range(len(inputs))]
    outs = [(f"o{n}", f"U{n}") for n in range(outputs)]
    return OpSchema(
        op_type,
        domain,
        1,
        inputs=[
            formal(*one, param_option=optional) if value is None else formal(*one)
            for one, value in zip(ins, inputs, strict=True)
        ],
        outputs=[formal(*one) for one in outs],
        type_constraints=[(kind, every, "") for _, kind in (*ins, *outs)],
        attributes=[OpSchema.Attribute(n, _kind(one), "") for n, one in attributes.items()],
    )


def _kind(value: Any) -> Any:
    from onnx.defs import OpSchema  # noqa: PLC0415 - only one of the exporters needs it

    one, several = value, ""
    if isinstance(value, list):
        one, several = next(iter(value), 0), "S"
    name = "STRING" if isinstance(one, str) else "FLOAT" if isinstance(one, float) else "INT"
    return getattr(OpSchema.AttrType, name + several)


def _outputs(schema: Any) -> int:
    """How many tensors it returns."""
    kinds = [str(one.type) for one in schema.returns]
    odd = next((kind for kind in kinds if kind != "Tensor"), None)
    if not kinds:
        raise CannotExportError(schema.name, "it returns nothing, so no value of a graph is made")
    if odd is not None:
        raise CannotExportError(
            schema.name,
            f"it returns {odd}, and a node has a fixed number of tensors: return a tuple of them",
        )
    return len(kinds)


def _parted(
    schema: Any, given: dict[str, Any], is_value: Callable[[Any], bool]
) -> tuple[list[Any], dict[str, Any]]:
    """Tensors are inputs; other arguments are attributes by the names of the schema.

    Of a list of tensors, the members are inputs and an attribute of its name holds their number.
    Arguments that are not given have their default; None is left out. A dtype is TensorProto's
    number of it.
    """
    inputs: list[Any] = []
    attributes: dict[str, Any] = {}
    for argument in schema.arguments:
        value = given.get(argument.name, argument.default_value)
        kind = str(argument.real_type)
        if "Tensor" in kind and "List" in kind:
            inputs += value or []
            attributes[argument.name] = len(value or [])
        elif "Tensor" in kind:
            inputs.append(value)
        elif value is not None and not any(left_out in kind for left_out in _LEFT_OUT):
            several = value if isinstance(value, list | tuple) else [value]
            if kind.startswith("__torch__"):
                told = f"its argument {argument.name!r} is an object of torch, no ONNX attribute"
                raise CannotExportError(schema.name, told)
            if any(map(is_value, several)):
                raise CannotExportError(
                    schema.name,
                    f"its argument {argument.name!r} is computed when the model runs (a size that "
                    "is left open?), and is an attribute, so it has to be a number: fix that "
                    "size, or make the argument a tensor",
                )
            attributes[argument.name] = _attribute(schema.name, argument, kind, value)
    while inputs and inputs[-1] is None:
        inputs.pop()
    return inputs, attributes


def _attribute(operator: str, argument: Any, kind: str, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_attribute(operator, argument, kind, one) for one in value]
    if "ScalarType" in kind and type(value) is int:
        return _ONNX_TYPES.get(value, 0)
    if isinstance(value, str | float):
        return value
    if isinstance(value, bool | int):
        return float(value) if "float" in kind else int(value)
    raise CannotExportError(
        operator, f"its argument {argument.name!r} is a {type(value).__name__}, no ONNX attribute"
    )


@contextlib.contextmanager
def registered_for_traces(opaque: Opaque, opset: int, *, dynamic: bool) -> Iterator[None]:
    """While it lasts, the TorchScript exporter writes these operators as nodes.

    What somebody has registered himself goes before that.
    """
    names = {operator_of(overload): overload for overload in opaque.overloads()}
    fresh = [name for name in names if name in opaque.asked or not _has_symbolic(name, opset)]
    # Of torch's own operators the latest version goes first; others are looked up as of opset 1.
    since = {name: opset if name.startswith(ATEN) else 1 for name in fresh}
    for name in fresh:
        torch.onnx.register_custom_op_symbolic(
            name, _trace_symbolic(names[name], opaque, dynamic=dynamic), since[name]
        )
    try:
        yield
    finally:
        for name in fresh:
            torch.onnx.unregister_custom_op_symbolic(name, since[name])
            _forget(name)


def _registry() -> Any:
    """What the TorchScript exporter knows; None in a torch that has it elsewhere."""
    try:
        module = import_module("torch.onnx._internal.torchscript_exporter.registration")
        return module.registry
    except (ImportError, AttributeError):
        return None


def _has_symbolic(name: str, opset: int) -> bool:
    registry = _registry()
    return registry is not None and registry.is_registered_op(name, opset)


def _forget(name: str) -> None:
    """What is left of an operator that was unregistered: of none, the exporter fails later."""
    with contextlib.suppress(AttributeError):
        group = _registry().get_function_group(name)
        if group is not None and not group._functions:
            del _registry()._registry[name]


def _trace_symbolic(overload: Any, opaque: Opaque, *, dynamic: bool) -> Callable[..., Any]:
    operator = operator_of(overload)
    packet = getattr(getattr(torch.ops, overload.namespace), operator.partition("::")[2])

    def symbolic(graph: Any, *args: Any) -> Any:
        schema = _of_call(packet, overload, len(args))
        given = {
            one.name: _plain(arg, "Tensor" in str(one.real_type))
            for one, arg in zip(schema.arguments, args, strict=False)
        }
        is_value = torch._C.Value
        inputs, attributes = _parted(schema, given, lambda one: isinstance(one, is_value))
        outputs = _outputs(schema)
        written = opaque.name_of(overload)
        opaque.written.add(written)
        inputs = [_nothing(graph) if one is None else one for one in inputs]
        typed = {f"{name}_{_letter(value)}": value for name, value in attributes.items()}
        alias = _ALIAS + written if written.startswith(ATEN) else written
        made = graph.op(alias, *inputs, outputs=outputs, **typed)
        for new, old in zip(
            made if outputs > 1 else [made], graph.original_node.outputs(), strict=True
        ):
            new.setType(_loosened(old.type()) if dynamic else old.type())
        return made

    return symbolic


def call_back(model: Model) -> None:
    """Operators of aten under their own name, which a trace does not let nodes have."""
    for domain in [one for one in model.opset_imports if one.startswith(_ALIAS)]:
        for graph in graphs_of(model):
            for node in graph.nodes:
                if node.domain == domain:
                    node.set_op_type(node.op_type, domain.removeprefix(_ALIAS))
        model.set_opset_import(domain.removeprefix(_ALIAS), 1)
        model.remove_opset_import(domain)


def _of_call(packet: Any, overload: Any, count: int) -> Any:
    """A trace does not tell which overload was called; the number of arguments does, mostly."""
    schemas = [getattr(packet, name)._schema for name in packet.overloads()]
    return next((one for one in schemas if len(one.arguments) == count), overload._schema)


def _plain(value: Any, tensor: bool) -> Any:
    """An argument of a traced call: None, a list, a number or text, or the value itself."""
    node = value.node()
    if node.mustBeNone():
        return None
    if node.kind() == "prim::ListConstruct":
        return [_plain(one, tensor) for one in node.inputs()]
    if tensor or not node.hasAttribute("value"):
        return value
    constant = getattr(node, node.kindOf("value"))("value")
    return constant.tolist() if isinstance(constant, torch.Tensor) else constant


def _nothing(graph: Any) -> Any:
    """An input that is omitted."""
    made = graph.op("prim::Constant")
    made.setType(torch._C.NoneType.get())
    return made


def _letter(value: Any) -> str:
    one = next(iter(value), 0) if isinstance(value, list) else value
    return "s" if isinstance(one, str) else "f" if isinstance(one, float) else "i"


def _loosened(kind: Any) -> Any:
    """The type without the sizes of the example: they may be others."""
    sizes = kind.sizes() if hasattr(kind, "sizes") else None
    return kind if sizes is None else kind.with_sizes([None] * len(sizes))
