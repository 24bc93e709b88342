"""What a user gives to edit a model with, as the steps that are done: functions and rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from os import PathLike, fspath
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias, Union, cast

from pyonnxtool.errors import UsageError
from pyonnxtool.rewriting.rule import Rule
from pyonnxtool.surgery.edit_function import EditFunction, function_of
from pyonnxtool.user_file import module_of

Editing: TypeAlias = Union[
    str, "PathLike[str]", Callable[..., Any], Rule, ModuleType, Iterable["Editing"]
]
"""A script, "script.py:function", a function, a rule, or several of them."""

EDIT = "edit"
"""The function that a script is run for."""


def steps_of(given: Editing) -> list[EditFunction | Rule]:
    """What is to be done, in order. Raises UsageError for a script that does not say."""
    if isinstance(given, Rule):
        return [given]
    if isinstance(given, str | PathLike):
        return _steps_of_file(fspath(given))
    if isinstance(given, ModuleType):
        return _steps_of_module(given, given.__name__)
    if isinstance(given, Iterable) and not callable(given):
        several = cast("Iterable[Editing]", given)
        return [step for one in several for step in steps_of(one)]
    if callable(given):
        return [function_of(given)]
    raise UsageError(
        f"a {type(given).__name__} is no edit: give a script, a function or rules (@pot.rewrite)"
    )


def _steps_of_file(text: str) -> list[EditFunction | Rule]:
    path, name = text, ""
    if not text.endswith(".py") and ".py:" in text:
        path, _, name = text.rpartition(":")
    if Path(path).is_dir():
        raise UsageError(f"{path} is a folder; give the path of a Python file")
    module = module_of(path)
    short = Path(path).name
    if not name:
        return _steps_of_module(module, short)
    thing = getattr(module, name, None)
    if isinstance(thing, Rule):
        return [thing]
    if callable(thing):
        return [function_of(thing, f"{short}: {name}")]
    raise UsageError(f"{path} has no function and no rule called {name!r}{_there_are(module)}")


def _steps_of_module(module: ModuleType, name: str) -> list[EditFunction | Rule]:
    rules = [thing for thing in vars(module).values() if isinstance(thing, Rule)]
    edit = getattr(module, EDIT, None)
    if callable(edit):
        return [function_of(edit, f"{name}: {EDIT}"), *dict.fromkeys(rules)]
    if not rules:
        raise UsageError(
            f"{name} says nothing to do: write a function `def edit(graph)`, or rules with "
            f"@pot.rewrite{_there_are(module)}"
        )
    return list(dict.fromkeys(rules))


def _there_are(module: ModuleType) -> str:
    own = [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (isinstance(thing, Rule) or getattr(thing, "__module__", "") == module.__name__)
        and callable(getattr(thing, "build", thing))
    ]
    return f"; it has {', '.join(own)}" if own else ""
