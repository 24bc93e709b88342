"""The processes that surgery_bench.py measures: `TASK WAY MODEL PLAN RESULT TIMING`, and its judge.

PLAN is a JSON file that says what to do: `output`, a value in the middle, for extract; `names`, new
names of inputs and outputs; `dims`, new sizes by the name of the old one. Imports come first, so
that the time from there to the end is the work: read, edit, write. `run MODEL INPUTS OUTPUTS`
runs a model under onnxruntime with all optimizations off.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Plan = dict[str, Any]
Work = Callable[[Path, Plan, Path], None]
WAYS: dict[str, dict[str, Callable[[], Work]]] = {
    "extract": {},
    "rename": {},
    "set-io": {},
    "script": {},
}
"""Task to way to what imports it and returns the work."""

_OURS = (sys.executable, "-m", "pyonnxtool", "extract")
_POLYGRAPHY = (str(Path(sys.executable).with_name("polygraphy")), "surgeon", "extract")


def _ours(model: Path, plan: Plan, result: Path) -> list[str]:
    return [*_OURS, str(model), "-o", str(result), "-q", "--outputs", plan["output"]]


def _polygraphy(*options: str) -> Callable[[Path, Plan, Path], list[str]]:
    def command(model: Path, plan: Plan, result: Path) -> list[str]:
        wanted = f"{plan['output']}:float32"
        return [*_POLYGRAPHY, str(model), "-o", str(result), *options, "--outputs", wanted]

    return command


COMMANDS: dict[str, dict[str, Callable[[Path, Plan, Path], list[str]]]] = {
    "extract": {
        "ours-cli": _ours,
        "polygraphy": _polygraphy("--save-external-data"),
        "polygraphy-no-data": _polygraphy("--ignore-external-data"),
    }
}
"""Task to way to the command line, which is measured with its start."""


def way(task: str, name: str) -> Callable[[Callable[[], Work]], Callable[[], Work]]:
    """Registers a way to do a task."""

    def register(made: Callable[[], Work]) -> Callable[[], Work]:
        WAYS[task][name] = made
        return made

    return register


@way("extract", "ours")
def _extract_ours() -> Work:
    from pyonnxtool.surgery.extract import extract

    def work(model: Path, plan: Plan, result: Path) -> None:
        extract(model, outputs=[plan["output"]]).model.save(str(result))

    return work


@way("extract", "ours-external")
def _extract_with_data() -> Work:
    from pyonnxtool.surgery.extract import extract

    def work(model: Path, plan: Plan, result: Path) -> None:
        extract(model, outputs=[plan["output"]]).model.save(str(result), weights="external")

    return work


@way("extract", "onnx.utils")
def _extract_onnx() -> Work:
    import onnx
    from onnx import utils

    def work(model: Path, plan: Plan, result: Path) -> None:
        graph = onnx.load(model, load_external_data=False).graph
        names = [value.name for value in graph.input]
        utils.extract_model(str(model), str(result), names, [plan["output"]])

    return work


@way("extract", "graphsurgeon")
def _extract_graphsurgeon() -> Work:
    import numpy as np

    def cut(graph: Any, plan: Plan) -> None:
        graph.outputs = [graph.tensors()[plan["output"]].to_variable(np.float32)]
        graph.cleanup(remove_unused_graph_inputs=True)

    return _graphsurgeon(cut)


def _graphsurgeon(edit: Callable[[Any, Plan], None]) -> Work:
    import onnx
    import onnx_graphsurgeon as gs

    def work(model: Path, plan: Plan, result: Path) -> None:
        graph = gs.import_onnx(onnx.load(model))
        edit(graph, plan)
        location = f"{result.name}.data"
        onnx.save(gs.export_onnx(graph), result, save_as_external_data=True, location=location)

    return work


@way("rename", "ours")
def _rename_ours() -> Work:
    from pyonnxtool.surgery.rename import rename

    def work(model: Path, plan: Plan, result: Path) -> None:
        rename(model, plan["names"]).model.save(str(result))

    return work


@way("rename", "graphsurgeon")
def _rename_graphsurgeon() -> Work:
    def change(graph: Any, plan: Plan) -> None:
        tensors = graph.tensors()
        for old, new in plan["names"].items():
            tensors[old].name = new

    return _graphsurgeon(change)


@way("rename", "onnx")
def _rename_onnx() -> Work:
    """Without the data, which takes knowing that entries stay valid: a loop over the message."""
    import onnx

    def work(model: Path, plan: Plan, result: Path) -> None:
        proto = onnx.load(model, load_external_data=False)
        new = plan["names"]
        for node in proto.graph.node:
            for names in (node.input, node.output):
                names[:] = [new.get(name, name) for name in names]
        for value in [*proto.graph.input, *proto.graph.output]:
            value.name = new.get(value.name, value.name)
        onnx.save(proto, result)

    return work


@way("set-io", "ours")
def _set_io_ours() -> Work:
    from pyonnxtool.surgery.set_io import set_io

    def work(model: Path, plan: Plan, result: Path) -> None:
        set_io(model, dims=plan["dims"]).model.save(str(result))

    return work


@way("set-io", "graphsurgeon")
def _set_io_graphsurgeon() -> Work:
    def change(graph: Any, plan: Plan) -> None:
        for value in [*graph.inputs, *graph.outputs]:
            value.shape = [plan["dims"].get(size, size) for size in value.shape or ()]

    return _graphsurgeon(change)


@way("set-io", "onnx.tools")
def _set_io_onnx() -> Work:
    import onnx
    from onnx.tools import update_model_dims

    def work(model: Path, plan: Plan, result: Path) -> None:
        proto = onnx.load(model, load_external_data=False)
        graph = proto.graph
        sizes = [
            {value.name: _dims(value, plan["dims"]) for value in values}
            for values in (graph.input, graph.output)
        ]
        # It checks the model as it is in memory, so that the data have to be there.
        onnx.load_external_data_for_model(proto, str(model.parent))
        made = update_model_dims.update_inputs_outputs_dims(proto, *sizes)
        location = f"{result.name}.data"
        onnx.save(made, result, save_as_external_data=True, location=location)

    return work


def _dims(value: Any, new: Plan) -> list[int | str]:
    sizes = value.type.tensor_type.shape.dim
    known = [size.dim_param or size.dim_value for size in sizes]
    return [new.get(size, size) for size in known]


@way("script", "ours")
def _script_ours() -> Work:
    import onnx_graphsurgeon as gs

    from pyonnxtool.surgery.edit import edit
    from pyonnxtool.surgery.graphsurgeon import through

    assert through  # it is loaded when it is needed

    def change(graph: gs.Graph) -> None:
        _scale_the_first_output(graph)

    def work(model: Path, plan: Plan, result: Path) -> None:
        edit(model, change).model.save(str(result))

    return work


@way("script", "graphsurgeon")
def _script_graphsurgeon() -> Work:
    return _graphsurgeon(lambda graph, _plan: _scale_the_first_output(graph))


def _scale_the_first_output(graph: Any) -> None:
    """What scripts do: look at all nodes, put one in, with a constant of its own."""
    import numpy as np
    import onnx_graphsurgeon as gs

    last = graph.outputs[0]
    before = gs.Variable("before_scaling", last.dtype, last.shape)
    last.inputs[0].outputs = [before]
    scale = gs.Constant("new_scale", np.array(2.0, np.float32))
    graph.nodes.append(gs.Node("Mul", "scaling", inputs=[before, scale], outputs=[last]))
    for node in graph.nodes:
        node.name = node.name.replace("/", "_")
    graph.cleanup().toposort()


def run(model: Path, inputs: Path, outputs: Path) -> None:
    """Writes all outputs by their place; inputs may have been renamed."""
    import numpy as np
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    given = np.load(inputs)
    names = {one.name: one.name.removesuffix("_renamed") for one in session.get_inputs()}
    feed = {name: given[old] for name, old in names.items() if old in given.files}
    made = session.run([one.name for one in session.get_outputs()], feed)
    np.savez(outputs, **{str(place): array for place, array in enumerate(made)})


def main() -> None:
    """One way of one task on one model, or one run."""
    if sys.argv[1] == "run":
        run(*map(Path, sys.argv[2:]))
        return
    task, name, model, plan, result, timing = sys.argv[1:]
    asked = json.loads(Path(plan).read_text())
    work = WAYS[task][name]()
    begun = time.perf_counter()
    work(Path(model), asked, Path(result))
    Path(timing).write_text(json.dumps({"work": time.perf_counter() - begun}))


if __name__ == "__main__":
    main()
