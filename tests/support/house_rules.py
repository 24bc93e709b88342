"""The rules of the house as functions: a folder in, sentences about what breaks them out."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CPP_LAYERS = ("base", "wire", "ir", "ops", "passes", "bind")
"""A layer may include itself and those before it."""

KERNELS_USERS = ("kernels", "ir", "ops", "passes", "bind")

PYTHON_LAYERS = (
    ("errors", "_core"),
    (
        *(
            "registry",
            "findings",
            "report",
            "report_parts",
            "verdict",
            "wording",
            "baseline",
            "user_file",
        ),
        *("schemas", "runtimes", "user_file"),
    ),
    (
        "model",
        "feeds",
        "interface",
        "rewriting",
        "references",
        "binding",
        "border",
        "onnx_inference",
        "op_schemas",
    ),
    ("passes", "downgrade", "symbolics", "backends", "metrics"),
    ("divergence", "subjects"),
    (
        *("diffing", "bisection", "reduction", "inspection", "assertion"),
        *(
            "verification",
            "agreement",
            "counterparts",
            "mismatch",
            "proof",
            "specialization",
            "relayout",
            "conversion",
        ),
        *("raising", "variants", "router", "shapes", "surgery"),
        *("expansion", "standardization", "node_proof", "declarations", "torch"),
    ),
    ("__init__",),
    ("cli",),
    ("__main__",),
)
"""A module may import those before it, and its own layer unless that layer is in ISLANDS."""

ISLANDS = frozenset(PYTHON_LAYERS[3])

DOORS = {
    "click": ("cli/",),
    "rich": ("cli/",),
    "jinja2": ("cli/",),
    "torch": ("backends/torch.py", "backends/_torch_"),
    "onnxscript": ("backends/_torch_",),
    # One door in several files, and the router: it is onnxruntime's, with its options and sessions.
    "onnxruntime": ("backends/onnxruntime.py", "backends/_ort_", "router.py"),
    "onnx_graphsurgeon": ("surgery/",),
    "openvino": ("backends/openvino.py",),
}
"""Third party to the only places in pyonnxtool/ that import it."""

TOP_LEVEL = frozenset({"CMakeLists.txt", "CMakePresets.json", "pyproject.toml"}) | {
    *("README.md", "CHANGELOG.md", "LICENSE"),
    *("csrc", "pyonnxtool", "tests", "fixtures"),
    *(".ci", ".clang-format", ".clang-tidy", ".gitignore", ".pre-commit-config.yaml"),
}

GENERATED = frozenset({".git", ".venv", "build", "dist", "__pycache__", ".hypothesis"}) | {
    *(".pytest_cache", ".mypy_cache", ".ruff_cache", ".benchmarks", "PKG-INFO"),
}
VAGUE_WORDS = frozenset({"util", "utils", "helper", "helpers", "manager", "managers", "misc"})
CPP_ENDINGS = frozenset({".h", ".cpp", ".inl"})
SOURCE_ENDINGS = CPP_ENDINGS | {".py", ".pyi", ".cmake", ".toml"}
MAX_LINES = 400
MAX_COLUMNS = 100

_QUOTED = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
_PYTHON_HEADER = re.compile(r"^\s*#\s*include\s+[<\"](pybind11/|Python\.h)", re.MULTILINE)
_MACHINE_PATH = re.compile(r"(?<![\w.~$}*-])/(?:work|root|home/\w+|Users/\w+)/\w")
_PRAGMA = re.compile(r"\s+# (?:noqa|type: ignore)\b.*$")  # a tool wants it on this very line
_FIELD_LITERAL = re.compile(
    r"""\bcase\s+(?:\d+|0x[0-9a-fA-F]+)\s*:                    # case 7:
      | \b\w*(?:field|number|tag)\w*(?:\(\))?\s*[!=]=\s*\d    # reader.number() == 7
      | \bField\b[^;(]*\{\s*\d                               # Field raw{9, "raw_data"}
      | \b(?:uint64|int64|int32|float32|bytes|text|message|nested|without|tag_of|\w+_tag)
        \(\s*\{?\s*\d+\s*[,)}]                              # writer.bytes({9, "raw_data"}, x)
      | \bread_metadata\([^;]*,\s*\d+\s*\)""",
    re.VERBOSE,
)


def files_of(root: Path) -> Iterator[Path]:
    """Every file of the checkout that git does not ignore; without git, all but what is built."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"],
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0 and (root / ".git").exists():
        names = [root / name for name in listed.stdout.decode().split("\0") if name]
    else:
        names = [p for p in root.rglob("*") if not GENERATED & set(p.relative_to(root).parts)]
    yield from sorted(path for path in names if path.is_file())


def upward_includes(root: Path) -> list[str]:
    """C++ includes that point up, sideways, or out of the layers; pybind11 outside of bind/."""
    found = []
    for path in _cpp_files(root):
        layer, text = _cpp_layer(root, path), path.read_text()
        for target in _QUOTED.findall(text):
            if not _may_include(layer, target):
                found.append(f"{path.relative_to(root)} includes {target}")
        if layer != "bind" and _PYTHON_HEADER.search(text):
            found.append(f"{path.relative_to(root)} includes Python: only bind/ may")
    return found


def _cpp_files(root: Path) -> list[Path]:
    return [p for p in files_of(root / "csrc") if p.suffix in CPP_ENDINGS]


def _cpp_layer(root: Path, path: Path) -> str:
    return path.relative_to(root / "csrc").parts[0]


def _may_include(layer: str, target: str) -> bool:
    above, _, rest = target.partition("/")
    if target == "op_families.inc":  # written by CMake
        return layer == "ops"
    if not rest or ".." in target:
        return False
    if above == "kernels":
        return layer in KERNELS_USERS
    if layer == "kernels":
        return above == "base"
    known = layer in CPP_LAYERS and above in CPP_LAYERS
    return known and CPP_LAYERS.index(above) <= CPP_LAYERS.index(layer)


def field_numbers(root: Path) -> list[str]:
    """Bare numbers where wire/ and ir/ read or write a field; wire/fields.h has their names."""
    found = []
    for path in _cpp_files(root):
        if _cpp_layer(root, path) not in {"wire", "ir"} or path.name == "fields.h":
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if _FIELD_LITERAL.search(line.partition("//")[0]):
                found.append(f"{path.relative_to(root)}:{number}: {line.strip()}")
    return found


def families_without_register(root: Path) -> list[str]:
    """Files in csrc/ops itself, which CMake calls into, that lack `register_<file>`, and mentions
    of a family's register function anywhere else: a list that somebody would have to edit."""
    found = []
    families = {path.stem: path for path in (root / "csrc/ops").glob("*.cpp")}
    for name, path in families.items():
        if f"void register_{name}(OpTable&" not in path.read_text():
            found.append(f"{path.relative_to(root)} does not define register_{name}(OpTable&)")
    for path in _cpp_files(root):
        for name in re.findall(r"\bregister_(\w+)\(", path.read_text()):
            if name in families and path != families[name]:
                found.append(f"{path.relative_to(root)} names register_{name}")
    return found


@dataclass(frozen=True)
class Import:
    """One import statement of the package: who, what, where."""

    importer: str
    target: str
    line: int


def imports_of(root: Path) -> Iterator[Import]:
    """Every import below pyonnxtool/, also those inside functions and under TYPE_CHECKING."""
    package = root / "pyonnxtool"
    for path in files_of(package):
        if path.suffix != ".py":
            continue
        importer = path.relative_to(package).as_posix()
        for node in ast.walk(ast.parse(path.read_text(), str(path))):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(importer, alias.name, node.lineno)
            elif isinstance(node, ast.ImportFrom):
                base = _absolute(importer, node)
                for alias in node.names:
                    yield Import(importer, f"{base}.{alias.name}", node.lineno)


def _absolute(importer: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    folders = ("pyonnxtool/" + importer).split("/")[: -node.level]
    return ".".join([*folders, *([node.module] if node.module else [])])


def upward_imports(root: Path) -> list[str]:
    """Python imports that point up or between islands, and modules that have no layer."""
    rank = {name: i for i, layer in enumerate(PYTHON_LAYERS) for name in layer}
    found, homeless = [], set()
    for one in imports_of(root):
        source = one.importer.split("/")[0].removesuffix(".py")
        if source not in rank:
            homeless.add(f"pyonnxtool/{source} has no layer")
        elif one.target.split(".")[0] == "pyonnxtool":
            target = _module_of(root, one.target)
            between_islands = target != source and {source, target} <= ISLANDS
            if rank.get(target, 0) > rank[source] or between_islands:
                found.append(f"pyonnxtool/{one.importer}:{one.line}: {source} imports {target}")
    return found + sorted(homeless)


def _module_of(root: Path, target: str) -> str:
    """`pyonnxtool.model.Model` is of "model"; `pyonnxtool.load` is of "__init__"."""
    name = [*target.split("."), ""][1]
    here = root / "pyonnxtool"
    known = name == "_core" or (here / f"{name}.py").exists() or (here / name).is_dir()
    return name if name and known else "__init__"


def forced_doors(root: Path) -> list[str]:
    """Third parties that are imported at another place than their one door."""
    found = []
    for one in imports_of(root):
        party = one.target.split(".")[0]
        doors = DOORS.get(party, ("",))
        if not any(one.importer.startswith(door) for door in doors):
            found.append(f"pyonnxtool/{one.importer}:{one.line} imports {party}")
    return found


def long_files(root: Path) -> list[str]:
    """Sources with more than MAX_LINES lines or a line of more than MAX_COLUMNS columns."""
    found = []
    for path in files_of(root):
        if path.suffix not in SOURCE_ENDINGS and path.name not in {"CMakeLists.txt", "run"}:
            continue
        lines = path.read_text().splitlines()
        name = path.relative_to(root).as_posix()
        if len(lines) > MAX_LINES:
            found.append(f"{name} has {len(lines)} lines")
        wide = (i for i, one in enumerate(lines, 1) if len(_PRAGMA.sub("", one)) > MAX_COLUMNS)
        found += [f"{name}:{i} has more than {MAX_COLUMNS} columns" for i in wide]
    return found


def vague_names(root: Path) -> list[str]:
    """Files and folders named after nothing: utils, helpers, manager, misc."""
    names = (path.relative_to(root) for path in files_of(root))
    return [
        f"{name} says nothing of what it holds"
        for name in names
        if VAGUE_WORDS & set(re.split(r"[_\-./]", name.as_posix().lower()))
    ]


def strangers_at_the_top(root: Path) -> list[str]:
    """Files and folders at the root that the design does not have."""
    present = {path.relative_to(root).parts[0] for path in files_of(root)}
    return [f"{name} is no part of the top level" for name in sorted(present - TOP_LEVEL)]


def machine_paths(root: Path) -> list[str]:
    """Absolute paths of somebody's machine in any text file."""
    found = []
    for path in files_of(root):
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            if _MACHINE_PATH.search(line):
                found.append(f"{path.relative_to(root)}:{number}: {line.strip()[:80]}")
    return found
