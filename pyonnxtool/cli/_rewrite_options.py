"""Options that every command has that writes a new model: where it goes, and how it is checked."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from pyonnxtool.cli._options import (
    Function,
    Output,
    byte_size,
    seed_option,
    stacked,
    text_or_json_options,
    tolerance_option,
    verbose_option,
)
from pyonnxtool.errors import UsageError
from pyonnxtool.model import as_model

if TYPE_CHECKING:
    from pyonnxtool.rewriting import Rewrite, RewriteReport

Option = Callable[[Any], Any]
Report = TypeVar("Report", bound="RewriteReport")


@dataclass(frozen=True)
class Target:
    """Where the new model goes."""

    path: Path | None
    weights: str
    dry_run: bool
    force: bool
    packing: Mapping[str, Any] = field(default_factory=dict)
    """How external weights are laid out, as `Model.save` takes it."""

    def check(self, model: str) -> None:
        """Refuse, before anything runs, a file that may not be written. Raises UsageError."""
        if self.path is None:
            if self.dry_run:
                return
            stem = Path(model).stem
            raise UsageError(
                f"say where the new model goes, for example -o {stem}_new.onnx, or give --dry-run "
                "to see what would be done"
            )
        if not self.path.absolute().parent.is_dir():
            raise UsageError(f"{self.path}: there is no folder {self.path.absolute().parent}")
        if self.path.is_dir():
            raise UsageError(f"{self.path} is a folder; name the file, such as {self.path}/m.onnx")
        ours = self.path.exists() and self.path.samefile(model)
        if self.path.exists() and not ours and not self.force:
            raise UsageError(f"{self.path} exists; give --force to replace it, or another name")

    def write(self, rewrite: Rewrite[Report]) -> Report:
        """Write the new model, unless this is a dry run. The report with what was written."""
        if self.dry_run or self.path is None:
            return rewrite.report
        before = set(rewrite.model.external_files())
        force = self.force or self._is_over_its_own(rewrite.report.model)
        rewrite.model.save(str(self.path), self.weights, force, **self.packing)
        written = as_model(self.path)
        own = self.path.name
        external = {name: Path(relpath(name, written.folder)) for name in written.external_files()}
        made = [
            path
            for name, path in external.items()
            if name not in before
            or str(path) == f"{own}.data"
            or str(path.parent) == f"{own}.weights"
        ]
        files = (str(self.path), *(str(self.path.parent / one) for one in made))
        return replace(rewrite.report, written=files)

    def _is_over_its_own(self, model: str) -> bool:
        """Whether OUT is the model itself, and files of weights of that name are its own too."""
        if self.path is None or not self.path.exists() or not Path(model).exists():
            return False
        if not self.path.samefile(model):
            return False
        names = {f"{self.path.name}.data", f"{self.path.name}.weights"}
        files = [Path(name) for name in as_model(model).external_files()]
        return any(names & {one.name, one.parent.name} for one in files)


def check_files(command: str, model: str, target: Target, output: Output) -> None:
    """Refuse what is no model file, and results that would overwrite it or one another.

    Raises UsageError.
    """
    from pyonnxtool.cli._output import check_targets

    if not Path(model).is_file():
        what = "a folder" if Path(model).is_dir() else "not there"
        raise UsageError(f"{model} is {what}; {command} wants the path of an .onnx file")
    check_targets(output, (model, str(target.path or "")))
    if output.json and target.path and output.json.absolute() == target.path.absolute():
        raise UsageError(f"-o and --json both name {target.path}; give them different files")


@dataclass(frozen=True)
class Proof:
    """How the new model is checked against the old one."""

    samples: int
    """0: not at all."""
    seed: int
    inputs: str | None
    atol: tuple[str, ...]
    rtol: tuple[str, ...]
    memory: str
    custom_ops: tuple[str, ...]

    def arguments(self) -> dict[str, Any]:
        """As the functions that rewrite take them."""
        return {
            "verify": self.samples,
            "seed": self.seed,
            "inputs": self.inputs,
            "atol": self.atol or None,
            "rtol": self.rtol or None,
            "memory": self.memory,
            "custom_ops": self.custom_ops,
        }


def rewrite_options(function: Function) -> Function:
    """The command gets the parameters `target`, `proof` and `output`; it is checked by default."""
    unverified = click.option("--no-verify", is_flag=True, help="Write without running anything.")
    return _gathered(function, [_samples_option(1), unverified])


def edit_options(function: Function) -> Function:
    """As `rewrite_options`, for edits that a user wants as they are: nothing runs unless asked."""
    return _gathered(function, [_samples_option(0)])


def cut_options(function: Function) -> Function:
    """As `edit_options`, for a command whose --inputs are names: --feeds is what models run on."""
    return _gathered(function, [_samples_option(0)], "--feeds")


def _samples_option(default: int) -> Option:
    asked = "" if default else " 0: nothing is run."
    return click.option(
        "--samples",
        type=click.IntRange(min=default),
        default=default,
        show_default=True,
        help="Sets of inputs on which both models are run and compared before OUT is written."
        + asked,
    )


def _target_options() -> list[Option]:
    return [
        click.option(
            "-o",
            "path",
            type=click.Path(path_type=Path),
            metavar="OUT",
            help="The file to write; the path of MODEL itself is fine.",
        ),
        click.option(
            "--weights",
            type=click.Choice(["auto", "inside", "external", "link"]),
            default="auto",
            show_default=True,
            help="Where weights go: inside OUT, external in OUT.data, link to where they are (no "
            "copy; OUT has to lie beside or above MODEL). auto: as MODEL has them.",
        ),
    ]


def _proof_options(feeds: str) -> list[Option]:
    several: dict[str, Any] = {"multiple": True}
    return [
        seed_option,
        click.option(
            feeds,
            "inputs",
            metavar="FILE|DIR|PY:FN",
            help="Inputs to check on: .npz, .npy, a test_data_set folder, or a function of a "
            "Python file. Without it they are generated.",
        ),
        tolerance_option("--atol", "Absolute difference of an output that is allowed"),
        tolerance_option("--rtol", "Difference that is allowed relative to the output's scale"),
        click.option("--dry-run", is_flag=True, help="Tell what would be done; write nothing."),
        click.option(
            "--memory",
            metavar="SIZE",
            default="2GiB",
            show_default=True,
            callback=byte_size,
            help="Byte budget of outputs that are held, and of the search for the wrong node "
            "should they differ.",
        ),
        click.option(
            "--custom-ops",
            metavar="LIB",
            type=click.Path(exists=True, dir_okay=False),
            help="Library of custom operators for onnxruntime. May be repeated.",
            **several,
        ),
        text_or_json_options,
        click.option("--force", is_flag=True, help="Replace OUT and FILE when they exist."),
        click.option("-q", "--quiet", is_flag=True, help="Print one line only."),
        verbose_option,
        click.option("--no-progress", is_flag=True, help="Show no progress bar."),
    ]


def _gathered(function: Function, verification: list[Option], feeds: str = "--inputs") -> Function:
    """The command with all options, and what they come to as three parameters."""

    @functools.wraps(function)
    def gathered(*args: Any, **values: Any) -> Any:
        force = values.pop("force")
        target = Target(values.pop("path"), values.pop("weights"), values.pop("dry_run"), force)
        unchecked = values.pop("no_verify", False)
        proof = Proof(**{name: values.pop(name) for name in Proof.__dataclass_fields__})
        if unchecked:
            if proof.inputs:
                raise UsageError("--inputs are what is checked on; leave out --no-verify")
            proof = replace(proof, samples=0)
        elif proof.inputs and not proof.samples:
            proof = replace(proof, samples=1)
        output = Output(
            format=values.pop("form"),
            file=None,
            json=values.pop("json"),
            force=force,
            quiet=values.pop("quiet"),
            verbose=values.pop("verbose"),
            progress=not values.pop("no_progress"),
        )
        return function(*args, target=target, proof=proof, output=output, **values)

    options = [*_target_options(), *verification, *_proof_options(feeds)]
    return cast(Function, stacked(options, gathered))
