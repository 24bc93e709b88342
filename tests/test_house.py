"""The house stands as the design says, and each rule would notice when it did not."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support import house_rules as rules
from support.fresh_process import run_python

ROOT = Path(__file__).resolve().parent.parent
Rule = Callable[[Path], list[str]]

RULES: list[Rule] = [
    rules.upward_includes,
    rules.field_numbers,
    rules.families_without_register,
    rules.upward_imports,
    rules.forced_doors,
    rules.long_files,
    rules.vague_names,
    rules.strangers_at_the_top,
    rules.machine_paths,
]

LONG_FILES = {"pyonnxtool/_core.pyi": "one compiled module has one stub"}
"""Files that may be longer than the limit, each with its reason. Empty at best."""

THIRD_PARTIES = sorted([*rules.DOORS, "onnx"])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    broken = [one for one in rule(ROOT) if one.split(" has ")[0] not in LONG_FILES]
    assert not broken, "\n".join(broken)


def test_exceptions_are_needed() -> None:
    long = {one.split(" has ")[0] for one in rules.long_files(ROOT)}
    assert set(LONG_FILES) <= long


PLANTED = [
    (rules.upward_includes, "csrc/base/a.h", '#include "wire/reader.h"\n'),
    (rules.upward_includes, "csrc/ops/a.cpp", '#include "passes/fold.h"\n'),
    (rules.upward_includes, "csrc/kernels/a.cpp", '#  include "ir/model.h"\n'),
    (rules.upward_includes, "csrc/wire/a.cpp", '#include "kernels/diff_stats.h"\n'),
    (rules.upward_includes, "csrc/wire/a.cpp", '#include "../ir/model.h"\n'),
    (rules.upward_includes, "csrc/ir/a.cpp", '#include "model.h"\n'),
    (rules.upward_includes, "csrc/attic/a.cpp", '#include "base/bytes.h"\n'),
    (rules.upward_includes, "csrc/ir/a.h", "#include <pybind11/pybind11.h>\n"),
    (rules.upward_includes, "csrc/passes/a.h", "#include <Python.h>\n"),
    (rules.field_numbers, "csrc/ir/load.cpp", "  switch (f) {\n    case 7: return 1;\n"),
    (rules.field_numbers, "csrc/ir/load.cpp", "if (field == 12) return;\n"),
    (rules.field_numbers, "csrc/wire/a.cpp", "if (reader.number() != 3) return;\n"),
    (rules.field_numbers, "csrc/ir/save.cpp", '  out.bytes({9, "raw_data"}, raw);\n'),
    (rules.field_numbers, "csrc/ir/save.cpp", '  constexpr Field raw{9, "raw_data"};\n'),
    (rules.field_numbers, "csrc/ir/node.cpp", "  return read_metadata(rest, 9);\n"),
    (rules.families_without_register, "csrc/ops/relu.cpp", "void register_elu(OpTable&) {}\n"),
    (rules.families_without_register, "csrc/passes/a.cpp", "register_softmax(table);\n"),
    (rules.upward_imports, "pyonnxtool/errors.py", "from pyonnxtool import registry\n"),
    (rules.upward_imports, "pyonnxtool/registry.py", "def f():\n    import pyonnxtool.cli\n"),
    (rules.upward_imports, "pyonnxtool/metrics/a.py", "from pyonnxtool.backends import b\n"),
    (rules.upward_imports, "pyonnxtool/metrics/a.py", "from ..backends import b\n"),
    (rules.upward_imports, "pyonnxtool/diffing.py", "from pyonnxtool import load\n"),
    (rules.upward_imports, "pyonnxtool/attic.py", "import json\n"),
    (rules.forced_doors, "pyonnxtool/diffing.py", "import onnxruntime as ort\n"),
    (rules.forced_doors, "pyonnxtool/backends/fp64.py", "import torch.nn\n"),
    (rules.forced_doors, "pyonnxtool/verdict.py", "def f():\n    from rich import box\n"),
    (rules.long_files, "pyonnxtool/diffing.py", "x = 1\n" * 401),
    (rules.long_files, "csrc/base/a.h", "//" + "-" * 99 + "\n"),
    (rules.long_files, "CMakeLists.txt", "#" * 101 + "\n"),
    (rules.vague_names, "pyonnxtool/string_utils.py", ""),
    (rules.vague_names, "tests/helpers/a.py", ""),
    (rules.vague_names, "csrc/base/cache_manager.h", ""),
    (rules.vague_names, "fixtures/misc.txt", ""),
    (rules.strangers_at_the_top, "benchmarks/a.py", ""),
    (rules.strangers_at_the_top, "setup.py", ""),
    (rules.machine_paths, "tests/a.py", f'open("/{"root"}/model.onnx")\n'),
    (rules.machine_paths, ".ci/run", f"cd /{'home'}/someone/src\n"),
]


@pytest.mark.parametrize(("rule", "path", "text"), PLANTED)
def test_a_planted_violation_is_found(tmp_path: Path, rule: Rule, path: str, text: str) -> None:
    sound_house(tmp_path)
    assert rule(tmp_path) == []
    plant(tmp_path, path, text)
    assert rule(tmp_path) != []


def test_a_sound_house_breaks_no_rule(tmp_path: Path) -> None:
    sound_house(tmp_path)
    assert {rule.__name__: rule(tmp_path) for rule in RULES} == {r.__name__: [] for r in RULES}


def test_files_that_git_ignores_are_not_judged(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    plant(tmp_path, ".gitignore", "/notes/\n")
    plant(tmp_path, "notes/utils.py", "")
    plant(tmp_path, "csrc/base/utils.h", "")
    assert rules.vague_names(tmp_path) == ["csrc/base/utils.h says nothing of what it holds"]


def test_what_is_built_is_not_judged_without_git(tmp_path: Path) -> None:
    checkout = tmp_path / "build" / "checkout"
    plant(checkout, "build/setup.py", "")
    plant(checkout, ".venv/bin/setup.py", "")
    assert rules.strangers_at_the_top(checkout) == []
    plant(checkout, "setup.py", "")
    assert rules.strangers_at_the_top(checkout) == ["setup.py is no part of the top level"]


def sound_house(root: Path) -> None:
    """A small tree that keeps every rule, with the things that a clumsy rule would blame."""
    plant(root, "CMakeLists.txt", "project(x)\n")
    plant(root, "csrc/base/bytes.h", "#include <vector>\n")
    plant(root, "csrc/wire/fields.h", "constexpr int kGraph = 7;\n")
    plant(root, "csrc/wire/reader.cpp", '#include "base/bytes.h"\n// case 7: the graph\n')
    plant(root, "csrc/ir/load.cpp", '#include "wire/reader.h"\nif (size == 3) skip_bytes(4);\n')
    plant(root, "csrc/ops/shared/op_table.cpp", '#include "op_families.inc"\nregister_all(t);\n')
    plant(root, "csrc/ops/softmax.cpp", "void register_softmax(OpTable& table) {}\n")
    plant(root, "csrc/bind/a.cpp", '#include "kernels/k.h"\n#include <pybind11/stl.h>\n')
    plant(root, "pyonnxtool/errors.py", "import json\n")
    plant(root, "pyonnxtool/registry.py", "from pyonnxtool.errors import UsageError\n")
    plant(root, "pyonnxtool/backends/__init__.py", "from pyonnxtool.registry import Registry\n")
    plant(root, "pyonnxtool/backends/onnxruntime.py", "import onnxruntime\n")
    plant(root, "pyonnxtool/metrics/cosine.py", "from pyonnxtool.metrics import x\n")
    plant(root, "pyonnxtool/diffing.py", "from pyonnxtool import _core, backends\n")
    plant(root, "pyonnxtool/__init__.py", "from pyonnxtool import diffing\n")
    plant(root, "pyonnxtool/cli/__init__.py", "import click\nimport pyonnxtool\n")
    plant(root, "pyonnxtool/subjects.py", "x = 1  # noqa: E501" + " and why" * 12 + "\n")
    plant(root, "tests/test_a.py", 'url = "https://x.org/root/a"; path = "/tmp/root/a"\n')


def plant(root: Path, path: str, text: str) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def test_importing_the_package_loads_no_third_party(tmp_path: Path) -> None:
    code = "import sys, pyonnxtool; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    run = run_python("-c", code, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    loaded = set(run.stdout.split())
    assert "pyonnxtool" in loaded
    assert not loaded & set(THIRD_PARTIES)


def test_the_check_of_loaded_modules_sees_one(tmp_path: Path) -> None:
    code = "import sys, click; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    assert "click" in run_python("-c", code, cwd=tmp_path).stdout.split()


REGISTRIES = sorted(
    (path.parent.relative_to(ROOT).as_posix().replace("/", "."), name)
    for path in (ROOT / "pyonnxtool").rglob("__init__.py")
    for name in re.findall(r"^(\w+)(?:: .*)? = Registry\(", path.read_text(), re.MULTILINE)
)
PLANT_AND_LIST = """
import importlib, sys
package = importlib.import_module(sys.argv[1])
package.__path__.append(sys.argv[3])
print(*getattr(package, sys.argv[2]))
"""


@pytest.mark.parametrize(("package", "name"), REGISTRIES)
def test_a_new_entry_of_a_registry_needs_no_edit(tmp_path: Path, package: str, name: str) -> None:
    more = tmp_path / "more"
    plant(more, "planted.py", f"from {package} import {name}\n{name}.add('planted')(print)\n")
    run = run_python("-c", PLANT_AND_LIST, package, name, str(more), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "planted" in run.stdout.split()


def test_a_new_command_needs_no_edit(tmp_path: Path) -> None:
    lines = ['"""Plants a tree."""', "import click", "command = click.Command('planted')"]
    plant(tmp_path / "more", "planted.py", "\n".join(lines))
    code = (
        "import pyonnxtool.cli as cli, sys; cli.__path__.append(sys.argv.pop(1));"
        "cli.main(['planted', '--help'])"
    )
    run = run_python("-c", code, str(tmp_path / "more"), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("Usage:")


def test_there_are_registries() -> None:
    assert ("pyonnxtool.metrics", "METRICS") in REGISTRIES
    assert ("pyonnxtool.backends", "BACKENDS") in REGISTRIES


@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
def test_a_new_operator_family_needs_no_edit(tmp_path: Path) -> None:
    for name in ["CMakeLists.txt", "csrc"]:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    configure(tmp_path)
    table = tmp_path / "build/generated/op_families.inc"
    assert "register_planted" not in table.read_text()
    assert "register_identity(table);" in table.read_text()
    plant(tmp_path, "csrc/ops/planted.cpp", "void register_planted(OpTable&) {}\n")
    configure(tmp_path)
    assert "void register_planted(OpTable& table);" in table.read_text()
    assert "  register_planted(table);" in table.read_text()


def configure(root: Path) -> None:
    command = ["cmake", "-S", root, "-B", root / "build", "-DPOT_PYTHON=OFF"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
