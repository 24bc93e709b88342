"""Small graphs that tests of the graph API edit."""

from __future__ import annotations

CHAIN = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n,3] x) => (float[n,3] y) {
   h = Relu (x)
   [exp] e = Exp (h)
   y = Neg (e)
}
"""
BRANCH = """
<ir_version: 8, opset_import: ["" : 17]>
g (bool c, float[2] x) => (float[2] y) {
   z = Relu (x)
   y = If (c) <
      then_branch = t () => (float[2] a) { a = Neg (z) },
      else_branch = e () => (float[2] b) { b = Abs (z) }
   >
}
"""
