"""The command line. A command is one file of this package; it is imported when it is called."""

from __future__ import annotations

import ast
import importlib.util
import os
import pkgutil
import shutil
import sys
import textwrap
import traceback
from collections.abc import Sequence
from functools import cache
from typing import Any, NoReturn

import click

from pyonnxtool.errors import PyonnxtoolError, Refused

EXAMPLES = """\b
Examples:
  pyonnxtool demo                        two small models, and how the wrong node is found
  pyonnxtool diff good.onnx bad.onnx     which values differ, and by how much
  pyonnxtool bisect good.onnx bad.onnx   the node that is to blame, and why
  pyonnxtool diff model.onnx             onnxruntime without against with optimizations
  pyonnxtool specialize model.onnx -o fixed.onnx --dim batch=1
  pyonnxtool layout m.onnx -o out.onnx   as few Transposes as the graph allows
  pyonnxtool opset m.onnx -o old.onnx --runtime onnxruntime-1.8
  pyonnxtool lower optimized.onnx -o plain.onnx
  pyonnxtool outputs m.onnx -o probed.onnx --add '*attn*'"""
_EDIT = "Edit: as you say, without reading weights"
SECTIONS = {
    "": "Look and compare",
    "rewrite_options": "Rewrite: run beside the original before it is written",
    "edit_options": _EDIT,
    "cut_options": _EDIT,
}
"""Options that a command takes to the heading that it is listed under."""
USAGE, INCONCLUSIVE, INTERRUPTED, PIPE_CLOSED, BUG = 2, 125, 130, 141, 255


class Commands(click.Group):
    """Finds the commands by file name and turns every ending into its exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the modules of this package that do not start with an underscore.

        An underscore inside is a hyphen: `set_io.py` is set-io.
        """
        found = (module.name for module in pkgutil.iter_modules(__path__))
        return sorted(name.replace("_", "-") for name in found if not name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The `command` of the module of that name, or None when there is no such module."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = f"{__name__}.{cmd_name.replace('-', '_')}"
        command: click.Command = importlib.import_module(module).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line a command, read from its source: no command is imported to be listed."""
        width = max(map(len, self.list_commands(ctx)))
        found: dict[str, list[tuple[str, str]]] = {section: [] for section in SECTIONS.values()}
        for name in self.list_commands(ctx):
            found[section_of(name)].append((name.ljust(width), summary_of(name)))
        for section, lines in found.items():
            with formatter.section(section):
                formatter.write_dl(lines)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an unexpected exception becomes a report of our bug."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except (PyonnxtoolError, BrokenPipeError, MemoryError):
            raise
        except Exception as error:
            report_bug(error, traced="verbose" in ctx.meta or "PYONNXTOOL_TRACEBACK" in os.environ)
            return BUG

    def main(self, args: Sequence[str] | None = None, **options: Any) -> NoReturn:  # type: ignore[override]
        """Parse, run, and exit with one of the documented codes. Never returns."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):  # a terminal without UTF-8 must not stop a report
                stream.reconfigure(errors="backslashreplace")
        options.pop("standalone_mode", None)
        try:
            code = super().main(args, standalone_mode=False, **options)
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader (`head`, `less`) left. Python would complain at exit when it flushes.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = PIPE_CLOSED
        except (click.Abort, KeyboardInterrupt):
            click.echo("Interrupted.", err=True)
            code = INTERRUPTED
        except click.ClickException as error:
            error.show()
            code = USAGE  # click gives 1 to some of its errors, which means "different" here
        except PyonnxtoolError as error:
            told = f"Error: {error}"
            click.echo(folded(told) if isinstance(error, Refused) else told, err=True)
            code = error.exit_code
        except MemoryError:
            click.echo("Error: out of memory; try a smaller --memory or model.", err=True)
            code = INCONCLUSIVE
        sys.exit(code)


def folded(text: str) -> str:
    """Long lines as wide as the terminal (100 columns where there is none), each under itself."""
    width = min(shutil.get_terminal_size((100, 24)).columns, 160)
    lines = []
    for line in text.splitlines():
        margin = " " * (len(line) - len(line.lstrip(" -")))
        lines += textwrap.wrap(
            line, width, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False
        )
    return "\n".join(lines)


def summary_of(name: str) -> str:
    """First line of the docstring of a command's module, without importing it."""
    return (ast.get_docstring(_source_of(name)) or "").partition("\n")[0]


def section_of(name: str) -> str:
    """Under which heading a command is listed: by the options that it takes."""
    named = {each.id for each in ast.walk(_source_of(name)) if isinstance(each, ast.Name)}
    return SECTIONS[next((options for options in SECTIONS if options in named), "")]


@cache
def _source_of(name: str) -> ast.Module:
    spec = importlib.util.find_spec(f"{__name__}.{name.replace('-', '_')}")
    source = spec.loader.get_source(spec.name) if spec and spec.loader else None  # type: ignore[attr-defined]
    return ast.parse(source or "")


def report_bug(error: Exception, *, traced: bool) -> None:
    """Say on stderr, in a line, that it is our bug and how to report it."""
    if traced:
        traceback.print_exception(error, file=sys.stderr)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""  # noqa: PTH119
    how = "the lines above" if traced else "the output of the same command with -v"
    click.echo(
        f"Bug in pyonnxtool, not in your model: {type(error).__name__}: {error}{where}. "
        f"Please report it with {how} and of `pyonnxtool --version`.",
        err=True,
    )


def show_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    """Print the versions that a bug report needs. Reads package metadata, imports nothing."""
    if not wanted or ctx.resilient_parsing:
        return
    import platform
    from importlib import metadata

    for package in ("pyonnxtool", "onnx", "onnxruntime", "numpy"):
        try:
            click.echo(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            click.echo(f"{package} (not installed as a package)")
    click.echo(f"python {platform.python_version()} on {platform.system()} {platform.machine()}")
    ctx.exit()


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"{EXAMPLES}\n\nExit codes: 0 same, or done; 1 different, or refused; 2 usage or a bad "
    "model; 125 could not be judged; 130 interrupted; 255 a bug of ours.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=show_version,
    help="Show the versions that matter in a bug report.",
)
def main() -> None:
    """Find the node that makes an ONNX model wrong, and rewrite models with proof.

    Reference first, candidate second. Each command has its own --help, with examples.
    """
