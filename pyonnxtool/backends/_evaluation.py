"""Models handed to an onnx.reference evaluator without copying their weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx.external_data_helper import load_external_data_for_tensor, uses_external_data
from onnx.reference import ReferenceEvaluator

from pyonnxtool.backends import Array, Output
from pyonnxtool.backends._session import OpenSession
from pyonnxtool.errors import BackendError

if TYPE_CHECKING:
    from pyonnxtool._core import Model


class EvaluatorSession(OpenSession):
    """A model in an evaluator of class `kind`; its weights are read where they lie, when used."""

    def __init__(self, model: Model, kind: type[ReferenceEvaluator], name: str) -> None:
        proto = onnx.ModelProto.FromString(model.to_bytes(weights="link", folder=model.folder))
        self.output_names = tuple(value.name for value in proto.graph.output)
        self._weights = {tensor.name: tensor for tensor in model.graph.initializers}
        self.input_names = tuple(value.name for value in proto.graph.input)
        del proto.graph.initializer[:]
        for tensor in _tensors_in(proto.graph.node):
            if uses_external_data(tensor):
                load_external_data_for_tensor(tensor, model.folder)
        self._name = name
        try:
            self._evaluator: ReferenceEvaluator | None = kind(proto)
        except Exception as error:  # it raises whatever an implementation raises
            raise BackendError(f"{name} cannot take the model: {_reason(error)}") from error

    @property
    def notes(self) -> tuple[str, ...]:
        """What the evaluator could not do as promised."""
        return tuple(getattr(self._evaluator, "notes", ()))

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Output]:
        """All outputs by name."""
        if self._evaluator is None:
            raise AssertionError("the session is closed")
        weights = {name: tensor.numpy() for name, tensor in self._weights.items()}
        try:
            with np.errstate(all="ignore"):  # its Sigmoid computes both sides and picks one
                values = self._evaluator.run(None, {**weights, **feeds})
        except BackendError:
            raise
        except Exception as error:  # it raises whatever an implementation raises
            raise BackendError(f"{self._name} failed to run: {_reason(error)}") from error
        return dict(zip(self.output_names, map(_packed, values), strict=True))

    def close(self) -> None:
        """Forgets model and weights."""
        self._evaluator = None
        self._weights = {}


def _packed(value: Output) -> Output:
    """A Transpose is a view to numpy; who reads the values wants them in their own order."""
    if isinstance(value, list):
        return [_packed(one) for one in value]
    if isinstance(value, np.ndarray) and not value.flags.c_contiguous:
        return value.copy(order="C")
    return value


def _tensors_in(nodes: Any) -> Iterator[onnx.TensorProto]:
    """Tensors of attributes and bodies."""
    for node in nodes:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
            for body in (attribute.g, *attribute.graphs):
                yield from body.initializer
                yield from _tensors_in(body.node)


def _reason(error: BaseException) -> str:
    """The innermost cause: the evaluator wraps it in texts about Python types."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:400]}"
