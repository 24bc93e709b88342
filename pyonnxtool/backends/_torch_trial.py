"""The module is run on its example before it is exported, to see what it returns and calls."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils import _pytree
from torch.utils._python_dispatch import TorchDispatchMode

from pyonnxtool.backends._torch_call import flattened, is_container
from pyonnxtool.backends._torch_export_errors import place_of
from pyonnxtool.backends._torch_inputs import Call, unique
from pyonnxtool.backends._torch_network import restored
from pyonnxtool.backends._torch_opaque import CannotExportError, operator_of, writing_operators
from pyonnxtool.errors import UsageError
from pyonnxtool.wording import plural

_LONGEST = 300


@dataclass(frozen=True)
class Trial:
    """What the module did with the example."""

    outputs: tuple[str, ...]
    """Names of the tensors that it returned."""
    flat: bool
    """Whether they came in what dynamo cannot take apart."""


def tried(module: Any, call: Call, output_names: Sequence[str], text: str) -> Trial:
    """Run it once. Outputs are named as the user says, or by keys: `output`, `output_0`, ...

    Raises UsageError for a module that does not run or returns no tensor, and names that do not
    fit; CannotExportError for an operator of the user's that writes into its arguments, which a
    trace would lose without a word.
    """
    made = _run(module, call, text)
    found = list(flattened(made))
    if not found:
        raise UsageError(f"{text} returns no tensor, so the model would have no output")
    flat = any(is_container(leaf) for leaf in _pytree.tree_leaves(made))
    if output_names and len(output_names) != len(found):
        raise UsageError(
            f"{text} returns {plural(len(found), 'tensor')}, and "
            f"{plural(len(output_names), 'output name')} given: {', '.join(output_names)}"
        )
    names: list[str] = list(output_names)
    for name in found[len(names) :]:
        shown = f"output_{name}" if name.isdecimal() else name
        shown = "output" if len(found) == 1 and name.isdecimal() else shown
        names.append(unique(shown, [*names, *call.names]))
    return Trial(tuple(names), flat)


def _run(module: Any, call: Call, text: str) -> Any:
    watch = _Watch(writing_operators())
    if watch.writing:
        with contextlib.suppress(Exception), watch:  # what fails is run again below
            _called(module, call)
        if watch.seen:
            raise CannotExportError(
                watch.seen[0],
                "it writes into its arguments, which no ONNX node can: have it return the results",
            )
    try:
        return _called(module, call)
    except Exception as error:  # whatever the module raises
        said = " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST]
        told = f"{text} itself fails on the example: {said}{place_of(error)}"
        raise UsageError(told) from error


def _called(module: Any, call: Call) -> Any:
    with torch.no_grad(), warnings.catch_warnings(), restored(module):
        warnings.simplefilter("ignore")
        return module(*call.args, **call.kwargs)


class _Watch(TorchDispatchMode):  # type: ignore[misc, unused-ignore]  # Any without torch
    """Notes which of these operators are called."""

    supports_higher_order_operators = True

    def __init__(self, writing: frozenset[Any]) -> None:
        super().__init__()
        self.writing, self.seen = writing, list[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in self.writing:
            self.seen.append(operator_of(func))
        return func(*args, **(kwargs or {}))
