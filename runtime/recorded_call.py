"""A compiled function's call that tapes record: one program, which also returns what the gradient needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from treadle.ir.graph import Graph
from treadle.ir.interpreter import state
from treadle.ir.ops.structure import call
from treadle.ir.passes.effects import thread_effects
from treadle.ir.passes.pipeline import run_pipeline
from treadle.lowering.executable import Executable
from treadle.runtime import checks
from treadle.runtime.eager import EAGER, Kernel
from treadle.runtime.replay import raise_failure
from treadle.runtime.tensor import EagerTensor


class RecordedCall:
    """The program of a call of `graph`, which has static sizes, with the checks that are wanted now.

    Args:
        fixed: how many of the inputs come first that are not the call's arguments: variables and captured tensors.
    """

    def __init__(self, graph: Graph, fixed: int):
        self._attributes, self._visible, _ = call.with_residuals((), {"graph": graph})  # type: ignore[misc]
        self._graph: Graph = self._attributes["graph"]
        self._fixed = fixed
        optimised = run_pipeline(self._graph).graph
        threaded = self._threaded = thread_effects(optimised, settings=checks.settings(), arguments=optimised.inputs[fixed:])
        self._kernel = Kernel(Executable(threaded.graph).call, threaded.graph.input_types, threaded.graph.output_types)

    def run(self, operands: Sequence[EagerTensor]) -> Sequence[EagerTensor]:
        """The results; raises the exception of the first check that fails."""
        threaded = self._threaded
        code = threaded.early.failed([o._array for o in operands[self._fixed:]]) if threaded.early else 0
        results: Sequence[EagerTensor] = ()
        if not code:
            results = self._kernel.run(operands)
            if threaded.has_code:
                *results, last = results
                code = int(np.asarray(last._array))
        if code:
            raise_failure(code, threaded, self._graph, operands, EAGER)
        for recorder in state.recorders:
            if recorder.watches(operands):
                recorder.record(call, operands, self._attributes, results)
        return results[:self._visible]
