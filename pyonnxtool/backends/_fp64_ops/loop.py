"""Loop. The reference takes no iteration when `cond` is omitted, and glues scalars together."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx.reference.ops.op_loop import Loop as _Loop

from pyonnxtool.backends._fp64_ops import EXACT


@EXACT.add("Loop")
class Loop(_Loop):
    """Scan outputs are stacked along a new first axis, scalars as well."""

    def _run(
        self,
        M: Any,  # noqa: N803 - the specification's name
        cond: Any,
        *state: Any,
        context: dict[str, Any] | None = None,
        attributes: dict[str, Any] | None = None,
        **_: Any,
    ) -> tuple[Any, ...]:
        body: Any = self.body  # type: ignore[attr-defined]  # set from the node's attributes
        run_body: Any = self._run_body  # type: ignore[attr-defined]
        names = body.input_names
        values = list(state)
        scanned: list[list[Any]] = [[] for _ in range(self.K)]
        turn = 0
        going = cond is None or bool(cond)
        while going and (M is None or turn < M):
            given = [np.array(turn, np.int64), np.array(going), *values]
            inputs = {**(context or {}), **dict(zip(names, given, strict=True))}
            outputs = run_body(inputs, attributes=attributes)
            going, values = bool(outputs[0]), outputs[1 : 1 + self.N]
            for column, item in zip(scanned, outputs[1 + self.N :], strict=True):
                column.append(item)
            turn += 1
        return (*values, *(np.stack(column) if column else np.empty(0) for column in scanned))
