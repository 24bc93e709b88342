"""PyTorch: a module or an exported program, whose values are watched while it runs."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pyonnxtool.backends import BACKENDS, Array
from pyonnxtool.backends._traced import Network
from pyonnxtool.errors import UsageError
from pyonnxtool.user_file import module_of, told_of

_PROGRAM = ".pt2"
_INSTALL = "PyTorch is not installed; pip install 'pyonnxtool[torch]'"
_NO_ONNXSCRIPT = "torch's exporter needs onnxscript; pip install 'pyonnxtool[torch]'"


@dataclass(frozen=True)
class Declared:
    """An input of a module of which there is no example."""

    sizes: tuple[int | str, ...]
    """Named ones stay open."""
    dtype: str = "float32"


class TorchValues:
    """What is computed by PyTorch for some inputs: the final outputs."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def values(self, feeds: Mapping[str, Array], sample: int) -> dict[str, Array]:
        """The outputs by the names that the network gives them, or by their places."""
        return self.network.outputs(feeds)


class Torch:
    """program.pt2@torch, module.py:make_model@torch: the network that an export was made from."""

    name = "torch"
    aliases: tuple[str, ...] = ("pytorch",)
    probes = False

    def record(self, spec: str) -> TorchValues:
        """`spec` is a .pt2 file, or FILE.py:FUNCTION, which is called without arguments."""
        if ".py:" in spec or spec.endswith(".py"):
            made, function = made_by(spec, "@torch")
            return TorchValues(network_of(made, spec, named=f"{function}()"))
        return TorchValues(_from_program(Path(spec)))


def made_by(spec: str, ending: str = "") -> tuple[Any, str]:
    """What the function of FILE.py:FUNCTION returns, and its name; `ending` is what users add.

    Raises UsageError.
    """
    path, _, function = spec.partition(".py:")
    if function:
        return _called(Path(f"{path}.py"), function, spec), function
    raise UsageError(
        f"{spec}: name the function that makes the module, as in {spec}:make_model{ending}"
        f"{_there_are(_functions(module_of(spec)))}"
    )


def is_torch(given: Any) -> bool:
    """Whether it is an nn.Module or an ExportedProgram; torch is not imported to find out."""
    return any(
        f"{kind.__module__}.{kind.__qualname__}"
        in ("torch.nn.modules.module.Module", "torch.export.exported_program.ExportedProgram")
        for kind in type(given).__mro__
    )


def check_exportable(module: Any, text: str, exporter: str = "") -> str:
    """The version of torch. Raises UsageError without one, and for what is no nn.Module."""
    torch = _torch()
    if importlib.util.find_spec("onnxscript") is None:
        raise UsageError(_NO_ONNXSCRIPT)
    if not isinstance(module, torch.nn.Module):
        raise UsageError(
            f"{text} is of type {type(module).__name__}; what is exported is an nn.Module"
            + (": give the module that the program was made of" if is_torch(module) else "")
        )
    if exporter == "dynamo" and isinstance(module, torch.jit.ScriptModule):
        raise UsageError(f"{text} is scripted, which dynamo does not take: --exporter torchscript")
    return str(torch.__version__)


@contextlib.contextmanager
def evaluated(module: Any) -> Iterator[int]:
    """The module in eval mode for a while; how many of its modules were in training mode."""
    modes = [(one, one.training) for one in module.modules()]
    training = sum(mode for _, mode in modes)
    if training:
        module.eval()
    try:
        yield training
    finally:
        for one, mode in modes:
            if one.training != mode:
                one.training = mode


def network_of(given: Any, text: str, *, named: str = "the object") -> Network:
    """A network from an nn.Module, an ExportedProgram, or (module, example_args[, kwargs])."""
    _torch()
    from pyonnxtool.backends._torch_network import (  # noqa: PLC0415 - loads torch
        ModuleNetwork,
        ProgramNetwork,
    )

    given, example = with_example(given)
    if not is_torch(given):
        raise UsageError(
            f"{text}: {named} gave {type(given).__name__!r}; expected is an nn.Module, an "
            "ExportedProgram, or (module, example_args[, example_kwargs])"
        )
    if hasattr(given, "graph_signature"):
        return ProgramNetwork(given, text)
    return ModuleNetwork(given, text, example)


def with_example(given: Any) -> tuple[Any, tuple[tuple[Any, ...], dict[str, Any]] | None]:
    """The module, and the arguments of an example call where it comes with one."""
    if not (isinstance(given, tuple) and 2 <= len(given) <= 3):
        return given, None
    given, *call = given
    args = call[0] if isinstance(call[0], tuple | list) else (call[0],)
    return given, (tuple(args), dict(call[1]) if len(call) == 2 else {})


def _torch() -> Any:
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise UsageError(_INSTALL) from error


def _from_program(path: Path) -> Network:
    torch = _torch()
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file")
    if path.suffix != _PROGRAM:
        raise UsageError(
            f"{path}@torch: expected is a program that torch.export.save wrote (.pt2), or "
            "FILE.py:FUNCTION that makes an nn.Module; a checkpoint (.pt, .pth) holds weights "
            "without a network"
        )
    try:
        program = torch.export.load(str(path))
    except Exception as error:
        raise UsageError(
            f"{path} cannot be read by torch.export.load of torch {torch.__version__}: "
            f"{str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__}"
        ) from error
    return network_of(program, str(path))


def _called(path: Path, name: str, text: str) -> Any:
    _torch()
    module = module_of(path)
    function = getattr(module, name, None)
    if not callable(function):
        raise UsageError(f"{path} has no function {name!r}{_there_are(_functions(module))}")
    needed = [
        p.name
        for p in inspect.signature(function).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if needed:
        raise UsageError(
            f"{text}: {name} needs the arguments {', '.join(needed)}, but is called without any; "
            f"write a function that calls it with them"
        )
    try:
        return function()
    except Exception as error:
        raise UsageError(f"{text} failed: {told_of(error, path)}") from error


def _functions(module: ModuleType) -> list[str]:
    """Functions and classes that the file itself defines."""
    found: list[str] = []
    for name, thing in vars(module).items():
        if name.startswith("_") or not isinstance(thing, Callable):  # type: ignore[arg-type]
            continue
        if getattr(thing, "__module__", "") == module.__name__:
            found.append(name)
    return found


def _there_are(names: list[str]) -> str:
    return f"; it has {', '.join(names)}" if names else "; it defines no function"


BACKENDS.add(Torch.name)(Torch())
