"""OpenVINO, in float32 unless another precision is asked for."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.backends import BACKENDS, Array, Output, OutputType, RunOptions, Session
from pyonnxtool.backends._session import OpenSession, refuse_options
from pyonnxtool.errors import BackendError, UsageError

if TYPE_CHECKING:
    from pyonnxtool._core import Model

_MISSING = "OpenVINO is not installed; pip install 'pyonnxtool[openvino]'"
_PRECISION = "INFERENCE_PRECISION_HINT"
_PRECISIONS = ("f32", "f16", "bf16")
_ONNX_CPU = "CPUExecutionProvider"
_INSIDE = 1 << 30
"""Bytes of weights up to which the model is handed over as one message, as from a file."""
_LONGEST = 400

_DTYPES = {
    "f64": "float64",
    "f32": "float32",
    "f16": "float16",
    "bf16": "bfloat16",
    "boolean": "bool",
    "string": "string",
    **{f"i{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"u{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
}


class OpenVino:
    """@openvino[:DEVICE,f32|f16|bf16]: OpenVINO, on the CPU and in float32 unless told otherwise.

    The CPU plugin would choose bfloat16 by itself where the processor has it, and differ from
    everything else by 1e-3; here that has to be asked for.
    """

    name = "openvino"
    aliases: tuple[str, ...] = ("ov",)
    probes = True

    def configure(self, words: Sequence[str], options: RunOptions) -> RunOptions:
        """A device ("CPU", "GPU.0", "AUTO") or a precision. Raises UsageError without OpenVINO."""
        core = _core()
        for word in words:
            if word in _PRECISIONS:
                options = replace(options, properties=((_PRECISION, word),))
            else:
                options = replace(options, provider=_device(word, core.available_devices))
        return options

    def open(self, model: Model, options: RunOptions) -> Session:
        """The model, compiled. Weights are copied into OpenVINO's memory, never to disk."""
        _refuse(options)
        core = _core()
        settings = {_PRECISION: "f32", **dict(options.properties)}
        if options.threads:
            settings["INFERENCE_NUM_THREADS"] = str(options.threads)
        device = "CPU" if options.provider == _ONNX_CPU else options.provider
        try:
            compiled = core.compile_model(_read(core, model), device, settings)
        except RuntimeError as error:
            raise BackendError(f"OpenVINO refuses the model: {_explained(error)}") from error
        return OpenVinoSession(compiled, [value.name for value in model.graph.outputs])

    def repeatable(self, model: Model, options: RunOptions) -> bool:
        """OpenVINO promises nothing of the kind, so it is always run twice."""
        return False


class OpenVinoSession(OpenSession):
    """A compiled model."""

    def __init__(self, compiled: Any, outputs: Sequence[str]) -> None:
        self._request = compiled.create_infer_request()
        names = [set(port.names) for port in compiled.inputs]
        self._place = {name: index for index, own in enumerate(names) for name in own}
        self._types = [port.element_type for port in compiled.inputs]
        self.input_names = tuple(min(own) for own in names)
        self.output_names = tuple(outputs)
        self.output_types = dict(zip(outputs, map(_typed, compiled.outputs), strict=True))

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Output]:
        """All outputs by name, copied out of OpenVINO's buffers. It ignores inputs without use."""
        if self._request is None:
            raise AssertionError("the session is closed")
        try:
            given = {
                self._place[name]: _tensor(array, self._types[self._place[name]])
                for name, array in feeds.items()
                if name in self._place
            }
            self._request.infer(given)
            tensors = [self._request.get_output_tensor(i) for i in range(len(self.output_names))]
            return dict(zip(self.output_names, map(_array, tensors), strict=True))
        except RuntimeError as error:
            raise BackendError(f"OpenVINO failed to run the model: {_explained(error)}") from error

    def close(self) -> None:
        """Forgets the model."""
        self._request = None


def _core() -> Any:
    """OpenVINO itself: it is imported when it is used, so that the others work without it."""
    try:
        import openvino  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(_MISSING) from error
    return openvino.Core()


def _read(core: Any, model: Model) -> Any:
    """The model in OpenVINO's form.

    It opens no file outside of the model's folder, and looks for those of a model in memory in
    the working folder, so weights are handed over in memory.
    """
    if sum(tensor.nbytes for tensor in model.graph.initializers) <= _INSIDE:
        return core.read_model(model.to_bytes(weights="inside"))
    return _read_with_shared_weights(core, model)


def _read_with_shared_weights(core: Any, model: Model) -> Any:
    """For models that are too large for one message.

    Weights come in as inputs, and are then put in their places as constants over the mapped file.
    """
    from onnx import ModelProto, helper  # noqa: PLC0415 - most models are smaller
    from onnx.external_data_helper import (  # noqa: PLC0415
        load_external_data_for_tensor,
        uses_external_data,
    )
    from openvino import op  # noqa: PLC0415

    proto = ModelProto.FromString(model.to_bytes(weights="link", folder=model.folder))
    linked = [tensor for tensor in proto.graph.initializer if uses_external_data(tensor)]
    weights = {tensor.name for tensor in linked}
    fed = {value.name for value in proto.graph.input}
    proto.graph.input.extend(
        helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        for tensor in linked
        if tensor.name not in fed
    )
    kept = [tensor for tensor in proto.graph.initializer if tensor.name not in weights]
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(kept)
    for tensor in _tensors_in(proto.graph.node):
        if uses_external_data(tensor):
            load_external_data_for_tensor(tensor, model.folder)
    arrays = {tensor.name: tensor for tensor in model.graph.initializers}
    read = core.read_model(proto.SerializeToString())
    for parameter in read.get_parameters():
        name = next((name for name in parameter.output(0).names if name in weights), None)
        if name is not None:
            constant = op.Constant(_shareable(arrays[name].numpy()), shared_memory=True)
            parameter.output(0).replace(constant.output(0))
            read.remove_parameter(parameter)
    read.validate_nodes_and_infer_types()
    return read


def _shareable(array: Array) -> Array:
    """A view that numpy does not know to be read-only: OpenVINO shares no other, and only reads."""
    memory: Any = (ctypes.c_ubyte * array.nbytes).from_address(array.ctypes.data)
    memory._owner = array  # the view keeps the mapped file alive
    shared: Array = np.frombuffer(memory, array.dtype).reshape(array.shape)
    return shared


def _tensors_in(nodes: Any) -> Iterator[Any]:
    """Tensors of attributes and bodies."""
    for node in nodes:
        for attribute in node.attribute:
            yield attribute.t
            for body in (attribute.g, *attribute.graphs):
                yield from body.initializer
                yield from _tensors_in(body.node)


def _refuse(options: RunOptions) -> None:
    refuse_options("openvino", options)
    if options.disabled_optimizers or options.level != RunOptions().level:
        raise UsageError("openvino has no optimization levels; they are for @ort")


def _device(word: str, available: Sequence[str]) -> str:
    known = {device.lower(): device for device in available} | {"auto": "AUTO"}
    plain = word.partition(".")[0].lower()
    if word.lower() in known or plain in known:
        return known.get(word.lower()) or word.upper()
    raise UsageError(
        f"openvino has no device {word!r} here; there are: {', '.join(available)} "
        f"(and the precisions {', '.join(_PRECISIONS)})"
    )


def _typed(port: Any) -> OutputType:
    shape = port.partial_shape
    sizes = None
    if shape.rank.is_static:
        sizes = tuple(dim.get_length() if dim.is_static else None for dim in shape)
    return _DTYPES.get(port.element_type.to_string(), port.element_type.to_string()), sizes


def _tensor(array: Array, kind: Any) -> Any:
    """What OpenVINO takes: the array, or its bits where numpy does not have the type."""
    import openvino  # noqa: PLC0415

    if kind.to_string() == "string":
        return openvino.Tensor(array.astype(np.str_))
    dtype = _DTYPES.get(kind.to_string())
    if array.dtype.name != dtype:
        raise BackendError(f"openvino is fed {array.dtype.name} where it takes {dtype}")
    if dtype != "bfloat16":
        return np.ascontiguousarray(array).reshape(array.shape)
    tensor = openvino.Tensor(kind, openvino.Shape(list(array.shape)))
    tensor.data[...] = array.view(tensor.data.dtype)
    return tensor


def _array(tensor: Any) -> Array:
    kind = tensor.element_type.to_string()
    if kind == "string":
        return np.array(tensor.str_data, object)
    if kind == "bf16":
        from ml_dtypes import bfloat16  # noqa: PLC0415 - most models have none

        return np.array(tensor.data).view(bfloat16)
    return np.array(tensor.data)


def _explained(error: BaseException) -> str:
    """What happened in one line: no C++ files, no advice about front ends."""
    text = str(error)
    missing = re.search(r"No conversion rule found for operations: ([^\n]+)", text)
    if missing:
        return f"it has no operator {missing[1].strip()}; cut it out or run that side on @ort"
    text = re.sub(r"(?:Exception from|Check .*? failed at) \S+:\d+:?|\S+\.[ch]pp:\d+:?", "", text)
    told = " ".join(text.split())
    return told if len(told) <= _LONGEST else told[:_LONGEST] + "..."


BACKENDS.add(OpenVino.name)(OpenVino())
