from __future__ import annotations

import pytest

from pyonnxtool import errors

EXIT_CODES = {
    errors.PyonnxtoolError: 2,
    errors.UsageError: 2,
    errors.ModelError: 2,
    errors.BackendError: 125,
    errors.Refused: 1,
}


@pytest.mark.parametrize(("kind", "exit_code"), EXIT_CODES.items())
def test_each_kind_has_its_exit_code(kind: type[errors.PyonnxtoolError], exit_code: int) -> None:
    assert kind.exit_code == exit_code
    assert kind("why").exit_code == exit_code


def test_no_kind_is_untested() -> None:
    public = {item for item in vars(errors).values() if isinstance(item, type)}
    assert public == set(EXIT_CODES)


@pytest.mark.parametrize("kind", EXIT_CODES)
def test_one_clause_catches_them_all_and_shows_the_text(kind: type[Exception]) -> None:
    with pytest.raises(errors.PyonnxtoolError) as caught:
        raise kind("m.onnx: no such file")
    assert str(caught.value) == "m.onnx: no such file"


def test_a_bug_is_none_of_them() -> None:
    assert not issubclass(AssertionError, errors.PyonnxtoolError)
