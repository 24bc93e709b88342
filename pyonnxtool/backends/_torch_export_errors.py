"""What `torch.onnx.export` could not do, in a sentence, and what to do about it."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from pathlib import Path

import torch

from pyonnxtool.backends._torch_opaque import CannotExportError
from pyonnxtool.errors import PyonnxtoolError, Refused
from pyonnxtool.rewriting import Refusal, refused

_LONGEST = 300
_STDLIB = Path(traceback.__file__).parent
_TRACE = "or take --exporter torchscript, which follows the path that the example takes"
_NO_FAKE = re.compile(
    r"no fake impl[^<\n]*registered for (?:<CustomOpDef\()?(?P<a>[\w:.]+)"
    r"|(?P<b>[\w.:]+): attempted to run this operator with Meta tensors"
    r"|does not support running with fake tensors[^\n]*?(?P<c>[\w.]+::[\w.]+)"
)
_NOT_TRANSLATED = re.compile(
    r"No ONNX function found for <OpOverload\(op='(?P<dynamo>[^']+)'.*real-valued"
    r"|Exporting the operator '(?P<trace>[^']+)' to ONNX opset version \d+ is not supported"
    r"(?:\. Support for this operator was added in version (?P<since>\d+))?"
)
_COMPLEX = re.compile(
    r"No ONNX function found for <OpOverload\(op='([^']+)'.*complex-valued"
    r"|ScalarType Complex\w+ is an unexpected"
)
_DEPENDS = re.compile(
    r"data-dependent expression|GuardOnDataDependentSymNode|Dynamic control flow is not supported"
    r"|Data-dependent branching"
)
_FIXED = re.compile(
    r"Constraints violated|marked .{0,80}as dynamic but|inferred to be a constant"
    r"|tracing inferred a static shape"
)
_UNION = re.compile(r"unsupported input (?:list )?type: ([\w?]+)")


def untranslated(error: BaseException) -> tuple[str, int | None] | None:
    """The operator ("DOMAIN::OP") without a translation, and the opset from which it has one."""
    for one in _chain(error):
        found = _NOT_TRANSLATED.search(str(one))
        if found is not None:
            name = found["trace"] or found["dynamo"].replace(".", "::", 1)
            return name, int(found["since"]) if found["since"] else None
    return None


def is_of_translation(error: BaseException) -> bool:
    """Whether the module was captured, and the trouble came later."""
    chain = list(_chain(error))
    known = (CannotExportError, PyonnxtoolError)
    return type(error).__name__ != "TorchExportError" and not any(
        isinstance(one, known) for one in chain
    )


def explained(error: BaseException, exporter: str, text: str) -> PyonnxtoolError:
    """The error to raise in place of this one. `text` is what users call the module."""
    for one in _chain(error):
        if isinstance(one, PyonnxtoolError):
            return one
        if isinstance(one, CannotExportError):
            return _refused(text, one.refusal)
    if isinstance(error, MemoryError):
        raise error
    reason = _reason(error, exporter) or _plain(error)
    return _refused(text, Refusal("", "", reason + place_of(error)))


def _refused(text: str, refusal: Refusal) -> Refused:
    return refused(f"exporting {text}", [refusal])


def _reason(error: BaseException, exporter: str) -> str:
    said = "\n".join(str(one) for one in _chain(error))
    if exporter == "torchscript" and (unknown := _UNION.search(said)) is not None:
        return (
            f"an operator takes an argument of type {unknown[1]}, which cannot be traced: take "
            "--exporter dynamo"
        )
    for pattern, told in _TOLD:
        found = pattern.search(said)
        if found is not None:
            return told(found, error)
    return ""


def _no_fake(found: re.Match[str], _error: BaseException) -> str:
    name = re.sub(r"\.default$", "", next(filter(None, found.groups())))
    name = name if "::" in name else name.replace(".", "::", 1)
    return (
        f"the operator {name} has no fake implementation, and dynamo runs the module without "
        f"numbers: add one with @torch.library.register_fake('{name}') that returns empty "
        "tensors of the right shape and dtype, or take --exporter torchscript"
    )


def _depends(_found: re.Match[str], _error: BaseException) -> str:
    return (
        "the module decides in Python by numbers that are only known when it runs, and dynamo "
        f"cannot follow that: write it with torch.where or torch.cond, {_TRACE}"
    )


def _fixed(_found: re.Match[str], error: BaseException) -> str:
    return (
        "a size that was to stay open is fixed by what the module does with it: leave it out "
        f"of the open ones, or change the module. {_plain(error)}"
    )


def _complex(found: re.Match[str], _error: BaseException) -> str:
    return (
        f"{found[1] or 'an operator'} is given complex numbers, which ONNX lacks and the exporter "
        "does not write as pairs here: compute with real and imaginary parts"
    )


_TOLD = (
    (_NO_FAKE, _no_fake),
    (_DEPENDS, _depends),
    (_FIXED, _fixed),
    (_COMPLEX, _complex),
)


def _plain(error: BaseException) -> str:
    """The innermost exception, its first sentence."""
    inner = list(_chain(error))[-1]
    said = " ".join(str(inner).strip().split("\n\n")[0].split()) or "no message"
    kind = type(inner).__name__
    return f"torch {torch.__version__} fails with {kind}: {_cut(said)}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, its cause, the cause of that, ..."""
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__ or one.__context__


def place_of(error: BaseException) -> str:
    """` (net.py, line 12)`: the last line of somebody else's code than torch's that was at work."""
    others = (Path(__file__).parent.parent, Path(torch.__file__).parent.parent, _STDLIB)
    for one in reversed(list(_chain(error))):
        for frame in reversed(traceback.extract_tb(one.__traceback__)):
            file = Path(frame.filename)
            if file.is_file() and not any(map(file.is_relative_to, others)):
                return f" ({file.name}, line {frame.lineno})"
    return ""
