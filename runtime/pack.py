"""`Pack`: variables in one buffer, for as long as a compiled step runs again and again."""

from __future__ import annotations

import time
import weakref
from collections import deque
from collections.abc import Sequence
from functools import partial
from itertools import repeat
from operator import call
from typing import Any

from treadle.lowering.packing import Layout, Rows
from treadle.runtime.variable import Cell, Variable, on_device, put_array

_FILLS, _SECONDS = 64, 2.0  # filling this often in this time does not pay


class Pack(Cell):
    """Variables that compiled steps keep in one buffer, `_array`: small ones, or those of equal layers as one stack.

    While the pack is `valid`, the variables' own slots are empty; reading one unpacks copies, and whoever wants to write
    one, or to hand it to a program that has no such pack, calls `release` first. Programs that update the same
    variables (a step for whole batches and one for the last, short batch) share the pack.
    """

    __slots__ = ("variables", "layout", "valid", "_fills", "_since", "_copies", "_copied", "_last", "_reads", "__weakref__")
    epoch = 0  # how often any pack was filled or released: a program that sees no change need not look again

    def __init__(self, variables: Sequence[Variable], layout: Layout | Rows):
        self.variables, self.layout = list(variables), layout
        self.valid = False
        self._fills, self._since = 0, time.monotonic()
        self._copies: list[Any] = []
        self._array = self._copied = self._last = None
        self._reads = 0

    @staticmethod
    def of(variables: Sequence[Variable], layout: Layout | Rows) -> Pack:
        """The pack of exactly these variables."""
        key = (type(layout), *(v._number for v in variables))
        found = _packs.get(key)
        if found is None:
            found = _packs[key] = Pack(variables, layout)
        return found

    def fill(self) -> bool:
        """Move the variables' values into the buffer. False if that happens so often that it does not pay."""
        for variable in self.variables:
            if variable._pack is not None and variable._pack is not self:
                variable._pack.release()
            variable._pack = self
        self._array = on_device(self.layout.pack_on_host([v._array for v in self.variables]))
        self._copied = None
        Pack.epoch += 1
        self._switch([None] * len(self.variables), True)
        self._fills += 1
        if self._fills % _FILLS:
            return True
        before, self._since = self._since, time.monotonic()
        return self._since - before > _SECONDS

    def _switch(self, arrays: list[Any], valid: bool) -> None:
        """Set all slots and the flag in one C call, so that no signal can leave a mixture."""
        stores = [*map(partial, repeat(put_array), self.variables, arrays), partial(setattr, self, "valid", valid)]
        deque(map(call, stores), 0)

    def read(self, variable: Variable) -> Any:
        """The variable's value, unpacked."""
        buffer = self._array
        place = next(i for i, v in enumerate(self.variables) if v is variable)
        if isinstance(self.layout, Rows):  # no copies of all that one is read of
            self._reads = self._reads + 1 if self._last is buffer else 1
            self._last, self._copied = buffer, buffer if self._reads >= len(self.variables) else None
            return self.layout.row_on_host(buffer, place)
        if self._copied is not buffer:
            self._copies = self.layout.unpack_on_host(buffer)
            self._copied = buffer
        return self._copies[place]

    @property
    def is_read_often(self) -> bool:
        """True if the values were unpacked already since the last step."""
        return self._copied is not None and self._copied is self._array

    def release(self) -> None:
        """Move the values back into the variables' own slots."""
        if self.valid:
            arrays = list(map(on_device, self.layout.unpack_on_host(self._array)))
            Pack.epoch += 1  # first: after a signal in between, programs look and find the pack as it was
            self._switch(arrays, False)
            self._array = self._copied = self._last = None


_packs: weakref.WeakValueDictionary[tuple, Pack] = weakref.WeakValueDictionary()
