"""pyonnxtool/_core.pyi says what the built module has: no more, no less."""

from __future__ import annotations

from importlib.resources import files

import pytest

from pyonnxtool import _core
from support import stub

STUB = files("pyonnxtool").joinpath("_core.pyi").read_text()


def differences(text: str) -> tuple[set[str], set[str]]:
    """(promised but missing, present but not promised)"""
    promised, present = stub.of_stub(text), stub.of_module(_core)
    return promised - present, present - promised


def test_the_stub_and_the_module_agree() -> None:
    missing, unpromised = differences(STUB)
    assert not missing, "in the stub only:\n" + "\n".join(sorted(missing))
    assert not unpromised, "in the module only:\n" + "\n".join(sorted(unpromised))


def test_every_parameter_has_a_name() -> None:
    unnamed = {one for one in stub.of_module(_core) if "(arg0" in one or "no signature" in one}
    assert not unnamed


PROMISES = [
    ("def op_table()", "def op_tables()", "op_tables()"),
    ("def op_table()", "def op_table(size: int)", "op_table(size)"),
    ("def op_table()", "def op_table(size: int = 3)", "op_table(size=)"),
    ("class OpInfo:", "class OpRow:", "OpRow: class"),
    ("def accumulation(self)", "def terms(self)", "OpInfo.terms: property"),
    ("    @property\n    def random(self)", "    def random(self)", "OpInfo.random()"),
]


@pytest.mark.parametrize(("true", "false", "promise"), PROMISES)
def test_a_false_promise_is_found(true: str, false: str, promise: str) -> None:
    assert true in STUB
    missing, unpromised = differences(STUB.replace(true, false))
    assert promise in missing
    assert unpromised


def test_a_silence_is_found() -> None:
    missing, unpromised = differences("")
    assert not missing
    assert {"op_table()", "OpInfo: class", "OpInfo.alias: property"} <= unpromised


def test_docstrings_of_pybind11_are_read() -> None:
    class Built:
        pass

    def save() -> None: ...

    save.__doc__ = (
        "save(*args, **kwargs)\nOverloaded function.\n\n"
        "1. save(self: m.Built, path: str, *, sizes: Sequence[int] = [1, 2]) -> None\n\n"
        "2. save(self: m.Built, fd: typing.SupportsInt, /, mode: str = 'a, b') -> dict[str, int]\n"
    )
    Built.save = save
    lines = set(stub._module_lines("Built", Built, ""))
    assert lines == {"Built: class", "Built.save(path, sizes=)", "Built.save(fd, mode=)"}
    text = """
class Built:
    @overload
    def save(self, path: str, *, sizes: Sequence[int] = ...) -> None: ...
    @overload
    def save(self, fd: int, /, mode: str = "") -> dict[str, int]: ...
"""
    assert stub.of_stub(text) == lines
