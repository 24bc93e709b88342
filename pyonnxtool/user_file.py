"""A Python file of the user's, as a module, and where in it an exception arose."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from os import PathLike, fspath
from pathlib import Path
from types import ModuleType

from pyonnxtool.errors import PyonnxtoolError, UsageError


def module_of(path: str | PathLike[str]) -> ModuleType:
    """The file, executed. Its folder can be imported from, as when Python runs the file.

    Raises UsageError for a file that is not there, and for whatever its code raises, with the line.
    """
    file = Path(fspath(path))
    if not file.is_file():
        raise UsageError(f"{file}: there is no such file")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file} is no Python file: its name has to end in .py")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(file.stem)
    sys.modules[file.stem] = module  # dataclasses and pickles look their module up
    try:
        with importable(file):
            spec.loader.exec_module(module)
    except UsageError as error:
        raise UsageError(f"{file}: {error}{_line(error, file)}") from error
    except PyonnxtoolError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's own code raises
        raise UsageError(f"{file} cannot be imported: {told_of(error, file)}") from error
    finally:
        if before is not None:
            sys.modules[file.stem] = before
    return module


@contextlib.contextmanager
def importable(file: str | PathLike[str]) -> Iterator[None]:
    """While this lasts, what lies beside the file can be imported."""
    folder = str(Path(file).resolve().parent)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def told_of(error: BaseException, file: str | PathLike[str] = "") -> str:
    """`NameError: name 'x' is not defined (line 12)`: the last line of the file that was at work.

    Without a file that of the innermost frame, with its file.
    """
    told = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):  # names its line itself
        return told
    return told + _line(error, file)


def _line(error: BaseException, file: str | PathLike[str]) -> str:
    wanted = Path(file).resolve()
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not file or Path(frame.filename).resolve() == wanted]
    if not own:
        return ""
    where = "" if file else f"{Path(own[-1].filename).name}, "
    return f" ({where}line {own[-1].lineno})"
