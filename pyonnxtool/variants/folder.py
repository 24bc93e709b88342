"""A folder of variants is written whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.errors import PyonnxtoolError, UsageError
from pyonnxtool.variants.index import INDEX, load_variants

if TYPE_CHECKING:
    from pyonnxtool._core import Model

DATA = "weights.data"
WHERE = ("auto", "external", "inside", "link")


def check_folder(folder: Path, files: Sequence[str], original: Model, *, force: bool) -> None:
    """Refuse, before anything runs, a folder that cannot be written. Raises UsageError."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; several sizes go into a folder")
    if not folder.absolute().parent.is_dir():
        raise UsageError(f"{folder}: there is no folder {folder.absolute().parent}")
    there = [name for name in (INDEX, DATA, *files) if (folder / name).exists()]
    for name in there:
        if any((folder / name).samefile(file) for file in _files(original)):
            raise UsageError(
                f"{folder / name} is what is specialized; give the variant another name, or write "
                "to another folder"
            )
    if there and not force:
        raise UsageError(
            f"{folder / there[0]} exists; give --force to replace it, or another folder"
        )


def write_folder(
    folder: Path,
    models: Mapping[str, Model],
    original: Model,
    index: Callable[[Sequence[str]], str],
    *,
    weights: str,
    force: bool,
) -> tuple[list[str], list[str]]:
    """Write the models, their weights and what `index` makes of the names of the weight files.

    Everything is made in a folder beside or inside of the target, and moved when it is complete.
    Gives the names of the files that were written and of those that are linked to.
    """
    inside = folder.is_dir()
    try:
        made = Path(tempfile.mkdtemp(prefix=".variants-", dir=folder if inside else folder.parent))
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from error
    try:
        linked = _write_models(made, models, original, folder, weights)
        data = [DATA] if (made / DATA).exists() else []
        (made / INDEX).write_text(index([*linked, *data]), "utf-8")
        written = sorted(path.name for path in made.iterdir() if path.name not in linked)
        if inside:
            _move_into(made, folder, force=force)
        else:
            umask = os.umask(0)
            os.umask(umask)
            made.chmod(0o777 & ~umask)  # mkdtemp makes folders that only their owner reads
            made.rename(folder)
        return written, linked
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _write_models(
    made: Path, models: Mapping[str, Model], original: Model, folder: Path, weights: str
) -> list[str]:
    """Gives the names, within the folder, of the files that entries point to."""
    if weights == "inside":
        for name, model in models.items():
            model.save(str(made / name), weights="inside")
        return []
    links = _links(made, original, folder) if weights == "link" else {}
    pairs = [(model, str(made / name)) for name, model in models.items()]
    _core.save_together(pairs, str(made / DATA), links)
    read = {Path(file).name for _, path in pairs for file in _core.load(path).external_files()}
    linked = [name for name in links.values() if Path(name).name in read]
    for name in set(links.values()) - set(linked):
        (made / name).unlink(missing_ok=True)
    return linked


def _links(made: Path, original: Model, folder: Path) -> dict[str, str]:
    """Each file that holds weights of the original, and its name within the folder.

    Runtimes read external data only beneath the model's folder. A file from elsewhere gets a
    second name there, which takes no space.
    """
    links: dict[str, str] = {}
    for file in _files(original):
        relative = os.path.relpath(os.path.realpath(file), os.path.realpath(folder))
        if not relative.startswith(os.pardir):
            links[file] = Path(relative).as_posix()
            continue
        name = (
            f"original_{len(links)}_{Path(file).name}" if links else f"original_{Path(file).name}"
        )
        try:
            os.link(os.path.realpath(file), made / name)
        except OSError as error:
            raise UsageError(
                f"--weights link: runtimes read weights only beneath the model's folder, and "
                f"{file} can have no second name in {folder} ({error.strerror}); write to the "
                "folder that holds it, or use --weights external"
            ) from error
        links[file] = name
    return links


def _files(model: Model) -> list[str]:
    """The model's own file and those of its external data, as the core names them."""
    found = {*([model.path] if model.path else []), *model.external_files()}
    return sorted(name for name in found if Path(name).is_file())


def _move_into(made: Path, folder: Path, *, force: bool) -> None:
    """Move all files of `made` into the folder; should one fail, put everything back."""
    stale = _stale(folder) - {path.name for path in made.iterdir()}
    new = sorted(made.iterdir(), key=lambda path: path.name == INDEX)  # the index comes last
    old = made / ".old"
    old.mkdir()
    moved: list[str] = []
    try:
        for path in new:
            target = folder / path.name
            if target.exists():
                if not force:
                    raise FileExistsError(errno.EEXIST, f"{path.name} has come meanwhile")
                target.rename(old / path.name)
            path.rename(target)
            moved.append(path.name)
    except OSError:
        for name in moved:
            (folder / name).unlink()
        for path in old.iterdir():
            path.rename(folder / path.name)
        raise
    for name in stale:
        (folder / name).unlink(missing_ok=True)


def _stale(folder: Path) -> set[str]:
    """Models and weights of an earlier set in the folder."""
    try:
        files = {one.file for one in load_variants(folder).variants}
    except PyonnxtoolError:
        return set()
    return {name for name in files if Path(name).name == name} | {DATA}
