"""PyTorch modules and exported programs as networks whose values can be watched."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree

from pyonnxtool.backends import Array
from pyonnxtool.backends._torch_call import (
    Signature,
    Slot,
    example_call,
    filled_call,
    flattened,
    plain_call,
)
from pyonnxtool.backends._torch_eager import run_watched
from pyonnxtool.backends._torch_exact import Region
from pyonnxtool.backends._torch_graph import is_mutating, run_graph
from pyonnxtool.backends._torch_tensors import as_array, as_tensor
from pyonnxtool.backends._traced import Reading, Traced, Visitor
from pyonnxtool.errors import BackendError, PyonnxtoolError

_LONGEST = 300
TRAINING = (
    "the module is in training mode, and is run as it is: dropout is live and batch norm uses the "
    "batch's statistics; call .eval() on it before export and comparison unless that is meant"
)


class ProgramNetwork:
    """A `torch.export.ExportedProgram`, run node by node."""

    def __init__(self, program: Any, text: str) -> None:
        self._program, self._text = program, text
        self.training = any(
            node.args[index]
            for node in program.graph_module.graph.nodes
            for index in _training_argument(node)
        )
        # In training, batch norm writes its statistics, though its schema does not say so.
        self._mutating = self.training or is_mutating(program.graph_module)
        self.notes: list[str] = [TRAINING] if self.training else []
        self._specs = [
            spec
            for spec in program.graph_signature.input_specs
            if spec.kind is torch.export.graph_signature.InputKind.USER_INPUT
        ]
        self._slots = [
            Slot(spec.arg.name, self._value(spec.arg.name))
            for spec in self._specs
            if isinstance(spec.arg, torch.export.graph_signature.TensorArgument)
        ]

    def input_shapes(self, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """Shapes that the program was exported for, of the inputs all of whose dims are fixed."""
        shapes = {
            name: tuple(self._slots[slot].example.shape)
            for name, slot in Signature(self._slots, self._text).placed(names).items()
        }
        return {
            name: shape
            for name, shape in shapes.items()
            if all(isinstance(dim, int) for dim in shape)
        }

    def outputs(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Final outputs by their keys, or by their places."""
        made = self._run(feeds, None)
        kinds = torch.export.graph_signature.OutputKind
        specs = self._program.graph_signature.output_specs
        users = [
            value for spec, value in zip(specs, made, strict=True) if spec.kind is kinds.USER_OUTPUT
        ]
        with contextlib.suppress(ValueError, TypeError):
            users = _pytree.tree_unflatten(users, self._program.call_spec.out_spec)
        return {name: as_array(value) for name, value in flattened(users).items()}

    def trace(self, feeds: Mapping[str, Array], visit: Visitor) -> None:
        """Every node's tensors, in the order of the program."""
        self._run(feeds, visit)

    def exact(self, feeds: Mapping[str, Array], name: str, given: Collection[str]) -> Array | None:
        """The part between the given values and this one, in float64."""
        module = self._program.graph_module
        values: dict[str, Array] = {}

        def keep(value: Traced, reading: Reading) -> None:
            if value.name in region.frontier:
                values[value.name] = np.array(reading())

        try:
            region = Region(module, name, set(given) - {name})
            inputs = self._inputs(feeds)
            places = [node for node in module.graph.nodes if node.op == "placeholder"]
            with _quiet(), torch.no_grad():
                run_graph(module, inputs, keep)
                return region.exact(dict(zip(places, inputs, strict=True)), values)
        except (KeyError, IndexError, TypeError, ValueError, RuntimeError, NotImplementedError):
            return None  # what torch cannot do in float64 is judged without it

    def weights(self) -> dict[str, Array]:
        """Parameters, buffers and constants."""
        held = {**self._program.state_dict, **self._program.constants}
        return {n: as_array(value) for n, value in held.items() if isinstance(value, torch.Tensor)}

    def _run(self, feeds: Mapping[str, Array], visit: Visitor | None) -> Any:
        inputs = self._inputs(feeds)
        with _running(self._text), torch.no_grad():
            return run_graph(self._program.graph_module, inputs, visit)

    def _inputs(self, feeds: Mapping[str, Array]) -> list[Any]:
        placed = Signature(self._slots, self._text).placed(list(feeds))
        given = {self._slots[slot].name: name for name, slot in placed.items()}
        values = []
        for spec in self._program.graph_signature.input_specs:
            if spec.kind is not torch.export.graph_signature.InputKind.USER_INPUT:
                values.append(self._held(spec))
            elif spec.arg.name in given:
                values.append(self._fed(spec.arg.name, given[spec.arg.name], feeds))
            elif hasattr(spec.arg, "value"):
                values.append(spec.arg.value)
            else:
                raise BackendError(
                    f"{self._text} needs the input {spec.arg.name}, which the ONNX model has not; "
                    f"it has {', '.join(feeds)}"
                )
        return values

    def _fed(self, name: str, source: str, feeds: Mapping[str, Array]) -> Any:
        tensor, expected = as_tensor(feeds[source]), self._value(name)
        fixed = [dim if isinstance(dim, int) else None for dim in expected.shape]
        if len(fixed) != tensor.dim() or any(
            want not in (None, got) for want, got in zip(fixed, tensor.shape, strict=True)
        ):
            raise BackendError(
                f"{self._text} was exported for {name} of shape {_dims(expected.shape)}, and the "
                f"input {source} is {_dims(tensor.shape)}; use --shape "
                f"{source}={','.join(str(dim or 1) for dim in fixed)}, or export it with "
                "dynamic_shapes"
            )
        return tensor.to(expected.dtype)

    def _held(self, spec: Any) -> Any:
        held = self._program.state_dict.get(spec.target)
        if held is None:
            held = self._program.constants[spec.target]
        return held.clone() if self._mutating and isinstance(held, torch.Tensor) else held

    def _value(self, name: str) -> Any:
        nodes = self._program.graph_module.graph.nodes
        return next(node.meta["val"] for node in nodes if node.name == name)


class ModuleNetwork:
    """An `nn.Module`: run as it is for its outputs, exported for the values on the way."""

    def __init__(
        self,
        module: Any,
        text: str,
        example: tuple[tuple[Any, ...], dict[str, Any]] | None = None,
        names: Sequence[str] = (),
    ) -> None:
        """`names` are what the ONNX model calls the tensors of the example, in their order."""
        self._module, self._text, self._example = module, text, example
        self._names = names
        self.training = any(child.training for child in module.modules())
        self.notes: list[str] = [TRAINING] if self.training else []
        self._programs: dict[tuple[Any, ...], ProgramNetwork | None] = {}

    def input_shapes(self, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """Shapes of the example, where the function gave one."""
        if self._example is None:
            return {}
        slots = self._slots()
        placed = Signature(slots, self._text).placed(names)
        return {name: tuple(slots[slot].example.shape) for name, slot in placed.items()}

    def outputs(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """What the module returns, flattened."""
        args, kwargs = self._call(feeds)
        with _running(self._text), torch.no_grad(), restored(self._module):
            made = self._module(*args, **kwargs)
        return {name: as_array(value) for name, value in flattened(made).items()}

    def trace(self, feeds: Mapping[str, Array], visit: Visitor) -> None:
        """Node by node where it can be exported, else call by call."""
        key = _key(feeds)
        if key not in self._programs:
            self._programs[key] = self._exported(feeds)
        program = self._programs[key]
        if program is not None:
            program.trace(feeds, visit)
            return
        args, kwargs = self._call(feeds)
        with _running(self._text), torch.no_grad(), restored(self._module):
            run_watched(self._module, args, kwargs, visit)

    def exact(self, feeds: Mapping[str, Array], name: str, given: Collection[str]) -> Array | None:
        """As the exported program has it; None for what cannot be exported."""
        program = self._programs.get(_key(feeds))
        return program.exact(feeds, name, given) if program is not None else None

    def weights(self) -> dict[str, Array]:
        """Parameters and buffers."""
        held = {**dict(self._module.named_parameters()), **dict(self._module.named_buffers())}
        return {name: as_array(value) for name, value in held.items()}

    def _exported(self, feeds: Mapping[str, Array]) -> ProgramNetwork | None:
        args, kwargs = self._call(feeds)
        try:  # whatever export says, the module itself still runs
            with _quiet(), torch.no_grad():
                program = torch.export.export(self._module, args, kwargs)
            return ProgramNetwork(program, self._text)
        except Exception as error:
            reason = str(error).strip().splitlines()[0][:_LONGEST] if str(error).strip() else ""
            self.notes.append(
                f"torch.export cannot export {self._text} ({type(error).__name__}: {reason}): it "
                "was run as it is, and its calls were watched"
            )
            return None

    def _slots(self) -> list[Slot]:
        assert self._example is not None
        slots = example_call(*self._example, self._module.forward)
        if self._names:
            slots = [replace(s, name=n) for s, n in zip(slots, self._names, strict=True)]
        return slots

    def _call(self, feeds: Mapping[str, Array]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if self._example is None:
            args, kwargs = plain_call(self._module.forward, feeds, self._text)
            dtype = self._dtype()
            return tuple(_widened(arg, dtype) for arg in args), {
                name: _widened(value, dtype) for name, value in kwargs.items()
            }
        slots = self._slots()
        placed = Signature(slots, self._text).placed(list(feeds))
        tensors = {
            slot: as_tensor(feeds[name]).to(slots[slot].example) for name, slot in placed.items()
        }
        return filled_call(*self._example, tensors)

    def _dtype(self) -> Any:
        floats = [p.dtype for p in self._module.parameters() if p.is_floating_point()]
        return floats[0] if floats else None


def _key(feeds: Mapping[str, Array]) -> tuple[Any, ...]:
    return tuple((name, array.shape, str(array.dtype)) for name, array in feeds.items())


def _training_argument(node: Any) -> Iterator[int]:
    """Places of the arguments that say whether an operation is one of training."""
    schema = getattr(node.target, "_schema", None)
    for index, argument in enumerate(schema.arguments if schema is not None else ()):
        if argument.name in ("train", "training") and index < len(node.args):
            yield index


def _widened(tensor: Any, dtype: Any) -> Any:
    """A float32 module is fed the numbers of a float16 model's inputs as float32."""
    half = (torch.float16, torch.bfloat16)
    return tensor.float() if dtype is torch.float32 and tensor.dtype in half else tensor


@contextlib.contextmanager
def restored(module: Any) -> Iterator[None]:
    """Buffers that a run writes to (statistics, caches) get their old contents back."""
    before = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        yield
    finally:
        for buffer, old in before:  # batch norm writes without counting the version up
            buffer.copy_(old)


@contextlib.contextmanager
def _running(text: str) -> Iterator[None]:
    """Whatever goes wrong inside of torch is told with the network's name."""
    try:
        with _quiet():
            yield
    except PyonnxtoolError:
        raise
    except Exception as error:
        said = str(error).strip() or "no message"
        raise BackendError(
            f"{text} fails on these inputs: {type(error).__name__}: {said[:_LONGEST]}"
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Warnings of torch are about its own ways, not about the model that is looked into."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _dims(shape: Sequence[Any]) -> str:
    return f"({', '.join(str(dim) for dim in shape)})"
