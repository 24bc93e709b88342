"""A model as an onnx-graphsurgeon graph, and the way back. Weights are not read, nor copied.

What graphsurgeon sees of a weight is its type; its elements are mapped from the file when a script
asks for them. What graphsurgeon does not know of (documentation, metadata, types other than
tensors, inputs that have a default) is kept aside and put back where nothing has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import onnx_graphsurgeon as gs
from onnx import ModelProto
from onnx_graphsurgeon.logger import G_LOGGER
from onnx_graphsurgeon.util.exception import OnnxGraphSurgeonException

from pyonnxtool import _core
from pyonnxtool.errors import ModelError, PyonnxtoolError, UsageError
from pyonnxtool.surgery._gs_keepsakes import Keepsakes
from pyonnxtool.surgery._gs_weights import Weights, emptied, refill, tensors_of

if TYPE_CHECKING:
    from pyonnxtool._core import Model


def through(model: Model, edit: Callable[[Any], Any], name: str) -> Model:
    """The model as `edit` leaves its onnx-graphsurgeon graph; `edit` may return another graph.

    `name` is how messages call it. Raises UsageError for a graph that cannot be written, or as
    `edit` does.
    """
    graph, keepsakes, weights = _read(model)
    result = edit(graph)
    if result is not None and not isinstance(result, gs.Graph):
        raise UsageError(
            f"{name} returned a {type(result).__name__}; return nothing, and change the graph that "
            "is given, or return another onnx_graphsurgeon.Graph"
        )
    return _written(graph if result is None else result, model, keepsakes, weights, name)


def _read(model: Model) -> tuple[gs.Graph, Keepsakes, Weights]:
    try:
        proto, tensors = emptied(model)
        keepsakes = Keepsakes(proto)
        weights = Weights(tensors)
        with G_LOGGER.suppress(G_LOGGER.ERROR):  # it prints, and what it warns of is kept aside
            graph = gs.import_onnx(proto)
        keepsakes.remember(graph)
        weights.offer(graph)
        keepsakes.remember_functions(graph, weights)
    except PyonnxtoolError:
        raise
    except Exception as error:  # whatever graphsurgeon finds impossible
        told = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ModelError(f"onnx-graphsurgeon cannot read the model: {told}") from error
    return graph, keepsakes, weights


def _written(
    graph: gs.Graph, model: Model, keepsakes: Keepsakes, weights: Weights, name: str
) -> Model:
    for tensor in tensors_of(graph):
        if not hasattr(tensor, "type"):  # to_variable and to_constant forget it
            tensor.type = "tensor_type"
    try:
        with weights.set_aside(graph), G_LOGGER.suppress(G_LOGGER.ERROR):
            made: ModelProto = gs.export_onnx(graph, do_type_check=False)
            keepsakes.put_back(made, graph)
    except OnnxGraphSurgeonException as error:
        first = str(error).strip().splitlines()[0]
        raise UsageError(f"what {name} leaves cannot be written: {first}") from error
    except PyonnxtoolError:
        raise
    except Exception as error:  # a script may put anything anywhere
        told = f"{type(error).__name__}: {error}"
        raise UsageError(f"what {name} leaves cannot be written: {told}") from error
    written = _core.from_bytes(made.SerializeToString(), model.folder, model.path)
    refill(written, made, weights)
    return written
