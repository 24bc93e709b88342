"""Whole models at a lower opset: functions, bodies, IR versions, types at the border."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import pyonnxtool as pot
from pyonnxtool.downgrade import steps
from support.downgraded import check, lowered, refusal, run_ort, source

_LOCAL = """<ir_version: {ir}, opset_import: ["" : {opset}, "local" : 1]>
g (float[2,3] x) => (float[2,3] y) {{ a = local.Outer (x)  y = local.Plain (a) }}
<opset_import: ["" : {opset}, "local" : 1], domain: "local">
Outer (p) => (r) {{ axes = Constant <value = int64[1] {{1}}> ()
  q = ReduceMean <keepdims = 1> (p, axes)  s = local.Plain (q)  r = Sub (p, s) }}
<opset_import: ["" : {opset}], domain: "local">
Plain (p) => (r) {{ q = Sigmoid (p)  r = Mul (q, q) }}"""


def functions_of(model: onnx.ModelProto) -> list[str]:
    return [one.name for one in model.functions]


def ops_of(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


class TestFunctions:
    def test_only_those_that_change_are_opened(self) -> None:
        made = check(_LOCAL.format(ir=10, opset=18), 17)
        assert functions_of(made) == ["Plain"]
        assert "ReduceMean" in ops_of(made)
        assert {one.domain: one.version for one in made.functions[0].opset_import}[""] == 17

    def test_they_stay_where_nothing_changes(self) -> None:
        text = _LOCAL.format(ir=10, opset=18).replace(
            "ReduceMean <keepdims = 1> (p, axes)", "Neg (p)"
        )
        made = check(text, 17)
        assert functions_of(made) == ["Outer", "Plain"]

    def test_ir_versions_without_functions_have_none(self) -> None:
        made = check(_LOCAL.format(ir=10, opset=18), 14)
        assert not made.functions
        assert made.ir_version == 7

    def test_a_caller_of_one_that_goes_is_opened_too(self) -> None:
        text = _LOCAL.format(ir=10, opset=18).replace("Sigmoid (p)", "Mish (p)")
        assert not check(text, 17, ulp=4).functions

    def test_an_operator_in_a_body_of_a_function_counts(self) -> None:
        made = check(
            """<ir_version: 10, opset_import: ["" : 18, "local" : 1]>
g (float[2,3] x, bool c) => (float[2,?] y) { y = local.Chosen (x, c) }
<opset_import: ["" : 18], domain: "local">
Chosen (x, c) => (y) { y = If (c) <
  then_branch = t () => (ty) { a = Constant <value = int64[1] {1}> ()
    ty = ReduceMean (x, a) },
  else_branch = e () => (ey) { ey = Identity (x) }> }""",
            17,
        )
        assert not made.functions

    def test_defaults_of_attributes_need_ir_version_9(self) -> None:
        text = """<ir_version: 10, opset_import: ["" : {opset}, "local" : 1]>
g (float[2,3] x) => (float[2,3] y) {{ y = local.Leak (x) }}
<opset_import: ["" : {opset}], domain: "local">
Leak <alpha: float = 0.25> (p) => (r) {{ r = LeakyRelu <alpha: float = @alpha> (p) }}"""
        assert check(text.format(opset=20), 19).functions
        made = check(text.format(opset=20), 18)
        assert not made.functions
        assert made.graph.node[0].attribute[0].f == 0.25

    def test_one_of_a_lower_opset_is_opened_where_that_means_the_same(self) -> None:
        text = _LOCAL.format(ir=10, opset=18)
        text = text.replace('["" : 18], domain', '["" : 15], domain')
        made = check(text, 13)
        assert not made.functions

    def test_a_model_that_imports_only_its_own_functions(self) -> None:
        text = """<ir_version: 10, opset_import: ["local" : 1]>
g (float[2,3] x) => (float[2,3] y) { y = local.Plain (x) }
<opset_import: ["" : 18], domain: "local">
Plain (p) => (r) { r = Sigmoid (p) }"""
        assert ops_of(check(text, 9)) == ["Sigmoid"]


class TestIrVersions:
    @pytest.mark.parametrize(
        ("opset", "ir_version"), [(20, 9), (18, 8), (14, 7), (11, 6), (10, 5), (9, 4), (8, 3)]
    )
    def test_it_is_that_of_the_opset(self, opset: int, ir_version: int) -> None:
        made = check(source("g (float[2] x) => (float[2] y) { y = Sigmoid (x) }", 21), opset)
        assert made.ir_version == ir_version

    def test_a_lower_one_stays(self) -> None:
        text = source("g (float[2] x) => (float[2] y) { y = Sigmoid (x) }", 21)
        made = check(text.replace("ir_version: 10", "ir_version: 5"), 13)
        assert made.ir_version == 5

    def test_before_4_initializers_are_inputs_too(self) -> None:
        text = "g (float[2] x) => (float[2] y) <float[2] w = {1, 2}> { y = Mul (x, w) }"
        made = check(source(text, 13), 8, {"x": np.float32([3, 4])})
        assert [one.name for one in made.graph.input] == ["x", "w"]
        assert len(made.graph.initializer) == 1

    def test_before_4_bodies_have_no_initializers(self) -> None:
        text = """g (float[2] x, bool c) => (float[2] y, int64[2] z) <float[1] v = {3}> {
          y, z = If (c) <
            then_branch = t () => (float[2] ty, int64[2] tz)
              <float[2] w = {1, 2}, int64[2] tz = {1, 2}> { n = Add (w, v)  ty = Mul (x, n) },
            else_branch = e () => (float[2] ey, int64[2] ez)
              <float[2] w = {3, 4}, int64[2] u = {3, 4}> { ey = Add (x, w)  ez = Identity (u) }>
          }"""
        for taken in (True, False):
            feeds = {"x": np.float32([3, 4]), "c": np.array(taken)}
            made = check(source(text, 13), 8, feeds)
        bodies = [one.g for one in made.graph.node[0].attribute]
        assert not any(body.initializer for body in bodies)
        assert [node.op_type for node in bodies[0].node] == ["Add", "Mul", "Identity"]
        assert len(made.graph.initializer) == 5

    def test_sparse_weights_need_ir_version_5(self) -> None:
        model = onnx.parser.parse_model(
            source("g (float[5] x) => (float[5] y) { y = Add (x, s) }", 13)
        )
        values = helper.make_tensor("s", TensorProto.FLOAT, [2], [1.0, 2.0])
        places = helper.make_tensor("s_places", TensorProto.INT64, [2], [0, 3])
        model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [5]))
        made = pot.opset(pot.from_proto(model), to=11).model
        assert pot.to_proto(made).graph.sparse_initializer == model.graph.sparse_initializer
        assert "sparse initializer 's': IR version 4 has none" in refusal(model, 9)


class TestBorder:
    def test_an_input_of_a_type_that_is_newer(self) -> None:
        text = source("g (bfloat16[2] x, float[2] z) => (float[2] y) { y = Neg (z) }", 17)
        assert "input 'x' is tensor(bfloat16), a type that is new in opset 13" in refusal(text, 12)
        assert lowered(text, 13)

    def test_an_output(self) -> None:
        text = source("g (float[2] x) => (bfloat16[2] y) { y = Cast <to = 16> (x) }", 17)
        assert "output 'y' is tensor(bfloat16)" in refusal(text, 12)

    def test_an_initializer_that_another_domain_reads(self) -> None:
        model = onnx.parser.parse_model(
            """<ir_version: 8, opset_import: ["" : 17, "custom" : 1]>
g (float[2] x) => (float[2] y) <bfloat16[1] w = {1}> { z = custom.Twist (x, w)  y = Neg (z) }"""
        )
        assert "initializer 'w' is tensor(bfloat16)" in refusal(model, 12)

    def test_a_sequence(self) -> None:
        text = source(
            "g (seq(float[2]) x) => (float[2] y) <int64 i = {0}> { y = SequenceAt (x, i) }", 17
        )
        assert "input 'x' is seq(tensor(float)), a type that is new in opset 11" in refusal(
            text, 10
        )


class TestOtherDomains:
    TEXT = """<ir_version: 8, opset_import: ["" : 17, "custom" : 7, "ai.onnx.ml" : 3]>
g (float[2,3] x) => (float[2,3] y) { z = custom.Twist <how = 3> (x)
  w = ai.onnx.ml.Normalizer <norm = "MAX"> (x)  y = Add (z, w) }"""

    def test_their_nodes_and_versions_stay(self) -> None:
        model = onnx.parser.parse_model(self.TEXT)
        made = lowered(model, 9)
        assert list(made.graph.node) == list(model.graph.node)
        imports = {one.domain: one.version for one in made.opset_import}
        assert imports == {"": 9, "custom": 7, "ai.onnx.ml": 3}

    def test_both_names_of_the_standard_domain(self) -> None:
        text = """<ir_version: 8, opset_import: ["ai.onnx" : 18]>
g (float[2,3] x) => (float[2,1] y) <int64[1] a = {1}> { y = ReduceMean (x, a) }"""
        model = onnx.parser.parse_model(text)
        model.graph.node[0].domain = "ai.onnx"
        made = pot.to_proto(pot.opset(pot.from_proto(model), to=17).model)
        assert [attr.name for attr in made.graph.node[0].attribute] == ["axes"]
        assert [one.version for one in made.opset_import] == [17]


class TestNewerOpsets:
    def test_one_that_the_onnx_package_does_not_know(self) -> None:
        text = source("g (float[2] x) => (float[2] y) { y = Neg (x) }").replace(
            '"" : 28', '"" : 99'
        )
        model = onnx.parser.parse_model(text)
        with pytest.raises(pot.errors.Refused, match="pip install -U onnx"):
            pot.opset(pot.from_proto(model), to=17)

    def test_a_step_that_was_not_reviewed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = source("g (float[2] x) => (float[2] y) { y = Cast <to = 1> (x) }", 25)
        assert lowered(text, 24)
        monkeypatch.setattr(steps, "NEWEST_REVIEWED", 24)
        steps.step_of.cache_clear()
        assert "Cast was changed in opset 25, and no way down is known" in refusal(text, 24)
        assert lowered(source("g (float[2] x) => (float[2] y) { y = Neg (x) }", 25), 24)


class TestRefusals:
    def test_all_at_once_each_with_its_node(self) -> None:
        text = source(
            "g (string[2] r, string[2] s) => (bool[2] y, string[2] t)"
            ' { y = RegexFullMatch <pattern = "a"> (r)  t = StringConcat (s, s) }',
            20,
        )
        told = refusal(text, 17)
        assert "2 reasons" in told
        assert "node 'y' (RegexFullMatch)" in told
        assert "node 't' (StringConcat)" in told

    def test_nodes_after_a_refused_one_are_still_looked_at(self) -> None:
        text = source(
            "g (string[2] s) => (bool[2] y)"
            ' { t = StringConcat (s, s)  y = RegexFullMatch <pattern = "a"> (t) }',
            20,
        )
        assert "2 reasons" in refusal(text, 9)


class TestValueInfo:
    def test_what_is_declared_of_values_that_are_gone_goes(self) -> None:
        model = onnx.parser.parse_model(
            source(
                "g (float[2,3] x) => (float[2,1] y) <int64[1] a, float[2,3] m> "
                "{ a = Constant <value = int64[1] {1}> ()  m = Neg (x)  y = ReduceMean (m, a) }",
                18,
            )
        )
        assert [one.name for one in model.graph.value_info] == ["a", "m"]
        assert [one.name for one in check(model, 17).graph.value_info] == ["m"]

    def test_dead_nodes_of_the_file_stay(self) -> None:
        text = source("g (float[2] x) => (float[2] y) { y = Neg (x)  z = Abs (x) }", 18)
        assert ops_of(check(text, 9)) == ["Neg", "Abs"]


class TestBodies:
    TEXT = """g (float[2,3] x, bool c) => (float[2,3] y) <int64[1] axis = {1}> {
      s = Sigmoid (x)
      y = If (c) <
        then_branch = t () => (float[2,3] ty) {
          m = ReduceMean (s, axis)  ty = Sub (s, m) },
        else_branch = e () => (float[2,3] ey) { z = Neg (s)  ey = Mul (z, x) }> }"""

    @pytest.mark.parametrize("to", [17, 13, 11, 9, 8])
    @pytest.mark.parametrize("flag", [True, False])
    def test_they_read_what_is_around_them(self, to: int, flag: bool) -> None:
        feeds = {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "c": np.array(flag)}
        check(source(self.TEXT, 20), to, feeds)

    def test_a_loop_in_a_loop(self) -> None:
        text = """g (float[2,3] x, int64 n) => (float[2,3] y) <int64[1] axis = {1}, bool t = {1}> {
          y = Loop (n, t, x) <body = b (int64 i, bool c, float[2,3] h)
            => (bool co, float[2,3] ho) { co = Identity (c)
              ho = Loop (n, t, h) <body = d (int64 j, bool e, float[2,3] k)
                => (bool eo, float[2,3] ko) { eo = Identity (e)
                  m = ReduceMean (k, axis)  ko = Sub (k, m) }> }> }"""
        feeds = {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.int64(3)}
        for to in (17, 11, 9):
            check(source(text, 18), to, feeds)


def test_the_given_model_is_not_changed() -> None:
    model = pot.from_proto(onnx.parser.parse_model(_LOCAL.format(ir=10, opset=18)))
    before = model.to_bytes()
    pot.opset(model, to=9)
    assert model.to_bytes() == before


def test_weights_are_shared() -> None:
    text = "g (float[2,3] x) => (float[2,1] y) <float[3] w = {1,2,3}> { y0 = Mul (x, w)\n"
    text += "axes = Constant <value_ints = [1]> ()  y = ReduceMean (y0, axes) }"
    given = pot.from_proto(onnx.parser.parse_model(source(text, 18)))
    made = pot.opset(given, to=17).model
    ours, theirs = given.graph.initializers[0].numpy(), made.graph.initializers[0].numpy()
    assert np.shares_memory(ours, theirs)


def test_onnxruntime_agrees_on_a_softmax_over_another_axis() -> None:
    text = source("g (float[2,3,4] x) => (float[2,3,4] y) { y = Softmax <axis = 1> (x) }", 13)
    feeds = {"x": np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)}
    model = onnx.parser.parse_model(text)
    ours, theirs = run_ort(model, feeds)[0], run_ort(lowered(model, 12), feeds)[0]
    np.testing.assert_array_max_ulp(ours, theirs, maxulp=2)
