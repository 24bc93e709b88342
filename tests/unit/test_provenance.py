"""Where nodes come from, as the exporters of PyTorch write it down."""

from __future__ import annotations

import pytest

from pyonnxtool.bisection import bisect
from pyonnxtool.divergence.network.provenance import FxNode, fx_node, module_path, source_of
from pyonnxtool.divergence.training import training_notes
from support.parsed import parsed

TRACE = """File "/net/model.py", line 31, in forward
    x = self.fc(x)
  File "/usr/lib/python3/site-packages/torch/nn/modules/linear.py", line 134, in forward
    return F.linear(input, self.weight, self.bias)"""


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("/layer1/layer1.0/conv1/Conv", "layer1.0.conv1"),
        ("/encoder/layer.3/attention/self/MatMul_1", "encoder.layer.3.attention.self"),
        ("/stem/stem.0/Conv", "stem.0"),
        ("/Add", ""),
        ("node_conv2d", ""),
    ],
)
def test_scopes_of_the_torchscript_exporter_are_paths_of_modules(name: str, path: str) -> None:
    assert module_path(name) == path


def test_the_source_is_the_innermost_line_that_is_not_of_torch() -> None:
    assert source_of(TRACE) == "/net/model.py:31: x = self.fc(x)"
    only = TRACE[TRACE.index('File "/usr') :]
    assert source_of(only).endswith("linear.py:134: return F.linear(input, self.weight, self.bias)")
    assert source_of("") == ""


def test_metadata_of_the_dynamo_exporter() -> None:
    metadata = {
        "pkg.torch.onnx.fx_node": "%linear_3 : [num_users=1] = call_function[target=torch.ops.aten."
        "linear.default](args = (%view,), kwargs = {})",
        "pkg.torch.onnx.name_scopes": "['', 'encoder', 'encoder.fc', 'linear_3']",
    }
    assert fx_node(metadata) == FxNode("linear_3", "linear", "encoder.fc")
    assert fx_node({"pkg.torch.onnx.fx_node": "nothing"}) is None
    broken = {**metadata, "pkg.torch.onnx.name_scopes": "['',"}
    assert fx_node(broken) == FxNode("linear_3", "linear", "")


def test_culprits_of_plain_models_tell_the_module_of_their_scope() -> None:
    text = 'g (float[2,3] x) => (float[2,3] y) { ["/enc/act/Relu"] h = Relu (x)  y = Neg (h) }'
    report = bisect(parsed(text), parsed(text.replace("= Relu", "= Abs")))
    assert report.culprits[0].module == "enc.act"
    assert report.culprits[0].source == ""


NORM = """g (float[2,3,4] x) => (float[2,3,4] y)
<float[3] s = {1, 1, 1}, float[3] b = {0, 0, 0}, float ratio = {0.5}, bool train = {1}> {
  h = BatchNormalization <training_mode = 0> (x, s, b, b, s)
  y = Dropout (h, ratio) }"""


def test_training_mode_is_told() -> None:
    assert training_notes(parsed(NORM)) == []
    statistics = NORM.replace("h = BatchNormalization <training_mode = 0>",
                              "h, m, v = BatchNormalization <training_mode = 1>")  # fmt: skip
    (note,) = training_notes(parsed(statistics))
    assert note == (
        "exported in training mode: BatchNormalization 'h' uses the statistics of the batch; call "
        ".eval() on the module before export"
    )
    (note,) = training_notes(parsed(NORM.replace("(h, ratio)", "(h, ratio, train)")))
    assert note.startswith("exported in training mode: Dropout 'y' is live, so outputs are random")
    asleep = NORM.replace("(h, ratio)", "(h, ratio, train)").replace("{0.5}", "{0}")
    assert training_notes(parsed(asleep)) == []


def test_training_mode_is_noted_in_every_report() -> None:
    live = NORM.replace("<training_mode = 0>", "<training_mode = 1>").replace(
        "h = B", "h, m, v = B"
    )
    report = bisect(parsed(live), parsed(live))
    assert report.verdict == "same"
    assert len([note for note in report.notes if "training mode" in note]) == 1
