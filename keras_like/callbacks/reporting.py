"""Callbacks that tell the metrics of each epoch to somebody: a CSV file, a server."""

from __future__ import annotations

import csv
import http.client
import json
import os
import urllib.parse
import urllib.request
import warnings
from collections.abc import Mapping
from typing import Any, TextIO

import numpy as np

import treadle as tf
from treadle.keras_like.callbacks.callback import Callback


class CSVLogger(Callback):
    """Write the metrics of each epoch as a row of a CSV file.

    The columns are "epoch" and the metrics of the first epoch by name; where that had no validation, columns for one are
    there too. What an epoch did not measure is "NA".

    Args:
        filename: the file.
        separator: between the columns. Default ",".
        append: go on with a file that is there, in place of writing it anew. Default False.

    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from treadle import keras
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "log.csv"
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    >>> model.compile("sgd", "mse")
    >>> _ = model.fit(np.ones((4, 1)), np.ones((4, 1)), verbose=0, callbacks=[keras.callbacks.CSVLogger(path)])
    >>> path.read_text().split()
    ['epoch,loss,val_loss', '0,1.0,NA']
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False):
        super().__init__()
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self._file: TextIO | None = None
        self._columns: list[str] | None = None
        self._header = True

    def on_train_begin(self, logs: Any = None) -> None:
        self._close()
        there = self.append and os.path.exists(self.filename) and os.path.getsize(self.filename) > 0
        self._header, self._columns = not there, None
        self._file = open(self.filename, "a" if self.append else "w", newline="")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        if self._file is None:
            return
        writer = csv.writer(self._file, delimiter=self.sep)
        if self._columns is None:
            names = sorted(logs)
            self._columns = names if any(n.startswith("val_") for n in names) else [*names, *(f"val_{n}" for n in names)]
            if self._header:
                writer.writerow(["epoch", *self._columns])
        writer.writerow([epoch, *(_cell(logs.get(name, "NA")) for name in self._columns)])
        self._file.flush()

    def on_train_end(self, logs: Any = None) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _cell(value: Any) -> Any:
    if isinstance(value, (list, tuple)) or isinstance(value, np.ndarray) and value.ndim:
        return f'"[{", ".join(map(str, value))}]"'
    return value


class RemoteMonitor(Callback):
    """Send the metrics of each epoch to a server, in a POST request. A server that cannot be reached is a warning.

    Args:
        root: the server's address, http or https. Default "http://localhost:9000".
        path: added to it. Default "/publish/epoch/end/".
        field: the form's field with the metrics as JSON. Default "data".
        headers: more headers.
        send_as_json: send the JSON itself in place of a form. Default False.
    """

    timeout = 10.0  # seconds

    def __init__(self, root: str = "http://localhost:9000", path: str = "/publish/epoch/end/", field: str = "data",
                 headers: Mapping[str, str] | None = None, send_as_json: bool = False):
        super().__init__()
        if urllib.parse.urlsplit(root).scheme not in ("http", "https"):
            raise tf.errors.InvalidArgumentError(f"`root` begins with http:// or https://. Received: {root!r}.")
        self.root, self.path, self.field, self.headers, self.send_as_json = root, path, field, headers, send_as_json

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        values = {"epoch": epoch, **{name: _plain(value) for name, value in (logs or {}).items()}}
        described = json.dumps(values)
        body = described if self.send_as_json else urllib.parse.urlencode({self.field: described})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        request = urllib.request.Request(self.root + self.path, body.encode(), {"Content-Type": kind, **(self.headers or {})})
        try:
            urllib.request.urlopen(request, timeout=self.timeout).close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            warnings.warn(f"The metrics of epoch {epoch} did not reach {self.root}: {error}", stacklevel=2)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
