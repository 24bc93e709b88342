"""Registries: things found by file, listed by key. Adding one is adding a file, nothing else."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from pyonnxtool.errors import UsageError

K = TypeVar("K", str, tuple[str, int])
T = TypeVar("T")


class Registry(Generic[K, T]):
    """Entries of one kind, keyed by name, discovered in the modules of one package.

    The package is only imported when an entry is first asked for, so `import pyonnxtool`
    loads no third party.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self._package = package
        self._entries: dict[K, T] = {}
        self._keys: list[K] = []
        self._discovered = False

    def add(self, key: K) -> Callable[[T], T]:
        """Decorator that registers its subject under `key`; a key taken twice is a bug."""

        def register(entry: T) -> T:
            if key in self._entries:
                raise AssertionError(f"{self.kind} {key!r} is registered twice")
            self._entries[key] = entry
            self._keys = sorted(self._entries, key=str)
            return entry

        return register

    def __getitem__(self, key: K) -> T:
        """The entry of `key`. Raises UsageError, listing the keys there are."""
        self._discover()
        if key not in self._entries:
            known = ", ".join(map(str, self._keys))
            raise UsageError(f"no {self.kind} is called {key!r}; there are: {known}")
        return self._entries[key]

    def __iter__(self) -> Iterator[K]:
        self._discover()
        return iter(self._keys)

    def __contains__(self, key: object) -> bool:
        self._discover()
        return key in self._entries

    def _discover(self) -> None:
        if self._discovered:
            return
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):
                importlib.import_module(f"{self._package}.{module.name}")
        self._discovered = True
