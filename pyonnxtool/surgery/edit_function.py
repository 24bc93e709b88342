"""A user's function that edits a graph: what it wants to be given, and what comes of it."""

from __future__ import annotations

import contextlib
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyonnxtool._core import Function, Graph, Model
from pyonnxtool.errors import BackendError, ModelError, Refused, UsageError
from pyonnxtool.model import as_model
from pyonnxtool.op_schemas import newest_opset, plain_domain
from pyonnxtool.rewriting import Refusal, Rewrite, refused
from pyonnxtool.rewriting.graphs import graphs_under
from pyonnxtool.rewriting.operand import Facts
from pyonnxtool.surgery.type_text import dtype_text, sizes_of
from pyonnxtool.user_file import importable, told_of

_OURS = {Graph: "graph", Model: "model", inspect.Parameter.empty: "graph", Any: "graph"}
_WRITTEN = {"Graph": "graph", "Model": "model"}
"""What is asked for where the annotation is a text that cannot be looked up."""


@dataclass(frozen=True)
class EditFunction:
    """A function that is given a graph and changes it."""

    function: Callable[..., Any]
    name: str
    """As reports call it: "cut_nms.py: edit"."""
    file: str
    """Where it is written; "" when that is not known."""

    def run(self, model: Model) -> Model:
        """The model as the function leaves it; the one that is given may be changed for it.

        Raises UsageError for whatever the function raises, with its line, and for what it cannot be
        given or returns; Refused as it comes, and for a cycle.
        """
        wanted = self._wanted()
        before, bare = model.copy(), set(_untold(model))
        if wanted == "graphsurgeon":
            from pyonnxtool.surgery.graphsurgeon import through  # noqa: PLC0415 - takes a while

            made: Model = through(model, self._called, self.name)
        else:
            result = self._called(model.graph if wanted == "graph" else model)
            made = self._model_of(result, model)
        try:
            tidy(made)
            untold = [name for name in _untold(made) if name not in bare]
            inputs = {value.name for value in made.graph.inputs}
            _declare(made, [name for name in untold if name not in inputs], made)
            _declare(made, [name for name in inputs if name in untold], before)
        except ModelError as error:  # a cycle
            raise refused("surgery", [Refusal("", "", str(error))]) from error
        return made

    def _wanted(self) -> str:
        """What the annotation of the parameter asks for: "graph", "model" or "graphsurgeon"."""
        parameters = list(inspect.signature(self.function).parameters.values())
        needed = [p for p in parameters if p.default is p.empty and p.kind not in _STARRED]
        if len(needed) != 1 or not parameters or needed[0] is not parameters[0]:
            raise UsageError(
                f"{self.name} takes {len(needed)} arguments without a default; it is given one, "
                "the graph: def edit(graph)"
            )
        annotation = self._annotation(parameters[0])
        if annotation in _OURS:
            return _OURS[annotation]
        if isinstance(annotation, str):
            module, _, kind = annotation.rpartition(".")
            if "surgeon" in module or module == "gs":
                return "graphsurgeon"
            if kind in _WRITTEN:
                return _WRITTEN[kind]
        elif getattr(annotation, "__module__", "").startswith("onnx_graphsurgeon"):
            return "graphsurgeon"
        raise UsageError(
            f"{self.name} asks for {annotation!r}; what can be asked for is pyonnxtool.Graph, "
            "pyonnxtool.Model or onnx_graphsurgeon.Graph"
        )

    def _annotation(self, parameter: inspect.Parameter) -> Any:
        try:
            hints = typing.get_type_hints(self.function)
        except Exception:  # of a name that is imported for checkers only, and of any kind
            return parameter.annotation
        return hints.get(parameter.name, parameter.annotation)

    def _called(self, argument: Any) -> Any:
        beside = importable(self.file) if self.file else contextlib.nullcontext()
        try:
            with beside:
                return self.function(argument)
        except (Refused, BackendError):
            raise
        except (Exception, SystemExit) as error:  # whatever the user's own code raises
            raise UsageError(f"{self.name} failed: {told_of(error, self.file)}") from error

    def _model_of(self, result: Any, model: Model) -> Model:
        if result is None:
            return model
        if isinstance(result, Graph):
            return result.model
        if isinstance(result, Rewrite):
            return result.model
        try:
            return as_model(result)
        except UsageError:
            raise UsageError(
                f"{self.name} returned a {type(result).__name__}; return nothing, and change the "
                "graph that is given, or return a graph or a model"
            ) from None


_UNTOLD = ("unknown", "tensor")
_STARRED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def function_of(function: Callable[..., Any], name: str = "") -> EditFunction:
    """The function, with where it is written."""
    file = inspect.getsourcefile(function) if inspect.isroutine(function) else ""
    return EditFunction(function, name or getattr(function, "__name__", "a function"), file or "")


def tidy(model: Model) -> None:
    """List producers first, and import domains that nodes have and nobody imports.

    Raises ModelError for a cycle.
    """
    holders: list[Model | Function] = [model, *model.functions]
    for holder in holders:
        used: dict[str, None] = {}
        for graph in graphs_under(holder.graph):
            graph.sort()
            used |= dict.fromkeys(plain_domain(node.domain) for node in graph.nodes)
        for domain in used.keys() - holder.opset_imports.keys():
            version = model.opset_imports.get(domain, 1 if domain else newest_opset())
            holder.set_opset_import(domain, version)


def _untold(model: Model) -> list[str]:
    """Inputs and outputs whose type, or number of axes, nobody declares."""
    border = (*model.graph.inputs, *model.graph.outputs)
    return [one.name for one in border if one.kind in _UNTOLD and one.shape is None]


def _declare(model: Model, names: list[str], known: Model) -> None:
    """Declare values as the model `known`, where it has them, tells their types."""
    facts = Facts(known)
    for name in names:
        fact = facts.of(name, known.graph)
        dtype = dtype_text(fact)
        if dtype is not None:
            model.graph.declare(name, dtype, sizes_of(fact))
