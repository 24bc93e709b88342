"""A process of its own that makes one session: its log and its optimized graph are what counts.

Python cannot ask onnxruntime which optimizers it has and what they did; its log says so, on
stderr. So this runs as a script, whose stderr is a pipe. It imports onnxruntime and nothing of the
package. Standard input holds one line of JSON, then the model.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

INFO = 1
WEIGHTS = "weights"


def main() -> None:
    """Writes the optimized graph, without weights, to the path that the JSON gives."""
    # A script's own folder is searched first, and this one has an onnxruntime.py.
    sys.path = [entry for entry in sys.path if Path(entry) != Path(__file__).parent]
    import onnxruntime as ort  # noqa: PLC0415

    wanted = json.loads(sys.stdin.buffer.readline())
    settings = ort.SessionOptions()
    settings.graph_optimization_level = getattr(ort.GraphOptimizationLevel, wanted["level"])
    settings.log_severity_level = INFO
    settings.intra_op_num_threads = 1
    settings.optimized_model_filepath = wanted["path"]
    # Weights that were folded or transposed are part of the graph; they go nowhere.
    sink = Path(wanted["path"]).parent / WEIGHTS
    try:
        sink.symlink_to(os.devnull)
    except OSError:  # no right to make links: the file goes with its folder
        sink.touch()
    entries = {
        **wanted["entries"],
        "session.optimized_model_external_initializers_file_name": WEIGHTS,
    }
    for key, value in entries.items():
        settings.add_session_config_entry(key, value)
    for library in wanted["custom_ops"]:
        settings.register_custom_ops_library(library)
    ort.InferenceSession(
        sys.stdin.buffer.read(),
        settings,
        providers=wanted["providers"],
        disabled_optimizers=wanted["disabled"] or None,
    )


if __name__ == "__main__":
    main()
