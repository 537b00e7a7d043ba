"""A compiled function's call that tapes record: one program, which also returns what the gradient needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from treadle.ir.graph import Graph
from treadle.ir.interpreter import state
from treadle.ir.ops.structure import call
from treadle.ir.passes.checks_first import checks_first, code_on_host, runs_on_host
from treadle.ir.passes.effects import thread_effects
from treadle.ir.passes.pipeline import run_pipeline
from treadle.lowering.executable import Executable
from treadle.runtime import checks
from treadle.runtime.eager import EAGER, Kernel
from treadle.runtime.replay import raise_failure
from treadle.runtime.tensor import EagerTensor


class RecordedCall:
    """The program of a call of `graph`, which has static sizes, with the checks that are wanted now.

    Checks that need the call's arguments alone, as that of labels, are a program of their own, run first: nobody waits for
    the results then.
    """

    def __init__(self, graph: Graph):
        attributes, self._visible, _ = call.with_residuals((), {"graph": graph})  # type: ignore[misc]
        self._attributes = attributes
        self._graph: Graph = attributes["graph"]
        self._threaded = thread_effects(run_pipeline(self._graph).graph, settings=checks.settings())
        first = checks_first(self._threaded)
        self._first = first
        self._checks = None if first is None or runs_on_host(first.checks) else _kernel(first.checks)
        self._kernel = _kernel(self._threaded.graph if first is None else first.rest)
        self._checks_itself = first is None and self._threaded.has_code

    def run(self, operands: Sequence[EagerTensor]) -> Sequence[EagerTensor]:
        """The results; raises the exception of the first check that fails."""
        code = 0
        if self._first is not None:
            needed = [operands[i] for i in self._first.places]
            code = (code_on_host(self._first.checks, [np.asarray(o._array) for o in needed]) if self._checks is None
                    else int(np.asarray(self._checks.run(needed)[0]._array)))
        results: Sequence[EagerTensor] = ()
        if not code:
            results = self._kernel.run(operands)
            if self._checks_itself:
                code = int(np.asarray(results[-1]._array))
                results = results[:-1]
        if code:
            raise_failure(code, self._threaded, self._graph, operands, EAGER)
        for recorder in state.recorders:
            if recorder.watches(operands):
                recorder.record(call, operands, self._attributes, results)
        return results[:self._visible]


def _kernel(graph: Graph) -> Kernel:
    return Kernel(Executable(graph).call, graph.input_types, graph.output_types)
