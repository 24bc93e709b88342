from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyonnxtool.errors import UsageError
from pyonnxtool.registry import Registry


@pytest.fixture
def fruits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry[str, str]]:
    """A registry in a package of its own, with one entry in one file."""
    package = tmp_path / "fruits"
    package.mkdir()
    lines = [
        "from pyonnxtool.registry import Registry",
        "FRUITS = Registry('fruit', 'fruits')",
    ]
    (package / "__init__.py").write_text("\n".join(lines))
    write(package, "apple")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("fruits").FRUITS
    for name in [name for name in sys.modules if name.split(".")[0] == "fruits"]:
        del sys.modules[name]


def write(package: Path, name: str, module: str = "") -> None:
    text = f"from fruits import FRUITS\nFRUITS.add('{name}')('the {name}')\n"
    (package / f"{module or name}.py").write_text(text)


def test_an_entry_is_found_by_its_key(fruits: Registry[str, str]) -> None:
    assert fruits["apple"] == "the apple"
    assert "apple" in fruits


def test_a_new_file_is_all_that_a_new_entry_takes(
    fruits: Registry[str, str], tmp_path: Path
) -> None:
    write(tmp_path / "fruits", "pear")
    assert list(fruits) == ["apple", "pear"]


def test_nothing_is_imported_before_somebody_asks(fruits: Registry[str, str]) -> None:
    assert "fruits.apple" not in sys.modules
    assert "apple" in fruits
    assert "fruits.apple" in sys.modules


def test_a_module_with_an_underscore_is_no_entry(
    fruits: Registry[str, str], tmp_path: Path
) -> None:
    write(tmp_path / "fruits", "stone", module="_stone")
    assert "stone" not in fruits


def test_an_unknown_key_lists_the_known_ones(fruits: Registry[str, str], tmp_path: Path) -> None:
    write(tmp_path / "fruits", "pear")
    with pytest.raises(UsageError) as caught:
        fruits["aple"]
    assert str(caught.value) == "no fruit is called 'aple'; there are: apple, pear"


def test_a_key_that_is_taken_twice_is_a_bug(fruits: Registry[str, str]) -> None:
    assert "apple" in fruits
    with pytest.raises(AssertionError, match="fruit 'apple' is registered twice"):
        fruits.add("apple")("another")
    assert fruits["apple"] == "the apple"


def test_add_gives_back_what_it_registers() -> None:
    registry: Registry[str, object] = Registry("thing", "pyonnxtool.errors")

    @registry.add("f")
    def function() -> int:
        return 7

    assert function() == 7


def test_a_module_that_fails_to_import_says_so_every_time(
    fruits: Registry[str, str], tmp_path: Path
) -> None:
    (tmp_path / "fruits" / "rotten.py").write_text("import no_such_library\n")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_library"):
            fruits["apple"]
