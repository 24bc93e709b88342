"""Inputs from files: npz, npy, data sets of the ONNX backend tests, scripts."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest

from pyonnxtool.errors import UsageError
from pyonnxtool.feeds import load_feeds
from support.parsed import parsed

MODEL = parsed("g (float[2] x, int64[N] n) => (float[2] y) { y = Neg (x) }")
X, N = np.array([1, 2], np.float32), np.arange(3)


def test_an_npz_is_one_sample(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, n=N)
    (feeds,) = load_feeds(tmp_path / "a.npz", MODEL)
    np.testing.assert_array_equal(feeds["x"], X)
    np.testing.assert_array_equal(feeds["n"], N)


def test_a_folder_holds_samples_in_numeric_order(tmp_path: Path) -> None:
    for index in range(11):
        np.savez(tmp_path / f"inputs_{index}.npz", x=X, n=np.array([index]))
    np.savez(tmp_path / "outputs_0.npz", y=X)
    feeds = load_feeds(str(tmp_path), MODEL)
    assert [int(one["n"][0]) for one in feeds] == list(range(11))
    assert len(load_feeds(tmp_path, MODEL, samples=2)) == 2


def test_a_folder_of_one_npy_per_input(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "n.npy", N)
    (feeds,) = load_feeds(tmp_path, MODEL)
    np.testing.assert_array_equal(feeds["n"], N)


@pytest.mark.parametrize("inside", [True, False])
def test_data_sets_of_the_backend_tests(tmp_path: Path, inside: bool) -> None:
    for index in (0, 1):
        folder = tmp_path / f"test_data_set_{index}"
        folder.mkdir()
        for place, array in enumerate((X + index, N)):
            tensor = onnx.numpy_helper.from_array(array)
            (folder / f"input_{place}.pb").write_bytes(tensor.SerializeToString())
    feeds = load_feeds(tmp_path / "test_data_set_1" if inside else tmp_path, MODEL)
    assert len(feeds) == (1 if inside else 2)
    np.testing.assert_array_equal(feeds[-1]["x"], X + 1)


def test_sequences_in_data_sets(tmp_path: Path) -> None:
    model = parsed("g (seq(float[2]) s) => (float[4] y) { y = ConcatFromSequence <axis = 0> (s) }")
    sequence = onnx.numpy_helper.from_list([X, X])
    (tmp_path / "input_0.pb").write_bytes(sequence.SerializeToString())
    (feeds,) = load_feeds(tmp_path, model)
    assert len(feeds["s"]) == 2


def test_single_arrays_are_for_single_inputs(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    (feeds,) = load_feeds(
        tmp_path / "x.npy", parsed("g (float[2] a) => (float[2] y) { y = Neg (a) }")
    )
    np.testing.assert_array_equal(feeds["a"], X)
    with pytest.raises(UsageError, match=r"one array, but the model takes x, n; use .npz"):
        load_feeds(tmp_path / "x.npy", MODEL)


def test_bfloat16_comes_back_as_what_it_was(tmp_path: Path) -> None:
    array = X.astype(ml_dtypes.bfloat16)
    np.savez(tmp_path / "a.npz", x=array)
    model = parsed("g (bfloat16[2] x) => (bfloat16[2] y) { y = Neg (x) }")
    (feeds,) = load_feeds(tmp_path / "a.npz", model)
    assert feeds["x"].dtype == array.dtype
    np.testing.assert_array_equal(feeds["x"], array)


def test_text_comes_as_objects(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array(["a", "bc"]))
    model = parsed("g (string[2] x) => (string[2] y) { y = Identity (x) }")
    (feeds,) = load_feeds(tmp_path / "a.npz", model)
    assert feeds["x"].tolist() == ["a", "bc"]
    assert feeds["x"].dtype == object


@pytest.mark.parametrize(
    "code",
    [
        "def make():\n    return {'x': np.ones(2, 'f4'), 'n': np.arange(3)}",
        "def make(model):\n    return [{v.name: A[v.name] for v in model.graph.inputs}]\n"
        "A = {'x': np.ones(2, 'f4'), 'n': np.arange(3)}",
        "def make():\n    yield {'x': np.ones(2, 'f4'), 'n': np.arange(3)}",
    ],
)
def test_a_script_makes_inputs(tmp_path: Path, code: str) -> None:
    (tmp_path / "feeds.py").write_text(f"import numpy as np\n{code}\n")
    (feeds,) = load_feeds(f"{tmp_path / 'feeds.py'}:make", MODEL)
    np.testing.assert_array_equal(feeds["n"], N)


@pytest.mark.parametrize(
    ("code", "function", "told"),
    [
        (
            "raise RuntimeError('broken')",
            "make",
            r"feeds.py cannot be imported: RuntimeError: broken \(line 1\)",
        ),
        ("def make():\n    return 1 / 0", "make", "feeds.py:make failed: ZeroDivisionError"),
        ("def make():\n    return [1]", "make", "must return a mapping of input names to arrays"),
        ("x = 1", "make", "feeds.py:make: the script defines no such function"),
    ],
)
def test_scripts_that_fail(tmp_path: Path, code: str, function: str, told: str) -> None:
    (tmp_path / "feeds.py").write_text(code)
    with pytest.raises(UsageError, match=told):
        load_feeds(f"{tmp_path / 'feeds.py'}:{function}", MODEL)


def test_files_that_will_not_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no.npz: there is no such file or folder; give an .npz,"):
        load_feeds(tmp_path / "no.npz", MODEL)
    with pytest.raises(UsageError, match=r"--inputs .*no.py: there is no such file"):
        load_feeds(f"{tmp_path / 'no.py'}:make", MODEL)
    with pytest.raises(UsageError, match=r"no inputs in there"):
        load_feeds(tmp_path, MODEL)
    (tmp_path / "a.txt").write_text("1")
    with pytest.raises(UsageError, match=r"unknown kind of file; give an .npz"):
        load_feeds(tmp_path / "a.txt", MODEL)
    np.savez(tmp_path / "evil.npz", x=np.array([{}], object))
    with pytest.raises(UsageError, match=r"Python objects, which are not loaded for safety"):
        load_feeds(tmp_path / "evil.npz", MODEL)
    np.save(tmp_path / "one.npy", X)
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with pytest.raises(UsageError, match=r"holds one array, not an npz"):
        load_feeds(tmp_path / "one.npz", MODEL)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "input_0.pb").write_bytes(b"\xff\xff")
    with pytest.raises(UsageError, match=r"1 input files, but the model takes x, n"):
        load_feeds(tmp_path / "set", MODEL)
    (tmp_path / "set" / "input_1.pb").write_bytes(b"\xff\xff")
    with pytest.raises(UsageError, match=r"input_0.pb: cannot be read"):
        load_feeds(tmp_path / "set", MODEL)


def test_the_sample_that_does_not_fit_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "inputs_0.npz", x=X, n=N)
    np.savez(tmp_path / "inputs_1.npz", x=X)
    with pytest.raises(
        UsageError, match=r"sample 1 do not fit the model:\n  - input 'n' is missing"
    ):
        load_feeds(tmp_path, MODEL)
