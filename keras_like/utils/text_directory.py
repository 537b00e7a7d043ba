"""`text_dataset_from_directory`: folders of text files as a data set."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.utils.directories import dataset_from_directory


def text_dataset_from_directory(directory: Any, labels: Any = "inferred", label_mode: str | None = "int",
                                class_names: Any = None, batch_size: int | None = 32, max_length: int | None = None,
                                shuffle: bool = True, seed: int | None = None, validation_split: float | None = None,
                                subset: str | None = None, follow_links: bool = False, format: str = "tf",
                                verbose: bool = True) -> Any:
    """A data set of (text, label) from the ".txt" files in a folder that has a folder for each class.

    Args:
        labels: "inferred" (default): from the names of the folders; None: no labels; or a list, in the order of the files'
            paths.
        label_mode: "int" (default, int32), "binary" (float32 [batch, 1]), "categorical" (float32 [batch, classes]) or None.
        class_names: the folders to use, in the order of their labels. Default: all, in alphabetic order.
        batch_size: default 32; None: single texts.
        max_length: texts are cut after so many bytes. Default: no limit.
        shuffle, seed: whether the files come in another order, and which. Default True.
        validation_split, subset: the share of files held out, and what to return: "training", "validation" or "both".
        follow_links: whether to go into folders behind links. Default False.
        verbose: whether to print how many files there are. Default True.

    The data set has the attribute `class_names`.

    >>> import pathlib, tempfile
    >>> from treadle import keras
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("bad", "good"):
    ...     (root / name).mkdir()
    ...     _ = (root / name / "1.txt").write_text(f"a {name} film")
    >>> data = keras.utils.text_dataset_from_directory(root, shuffle=False)
    Found 2 files belonging to 2 classes.
    >>> [(text.numpy().tolist(), label.numpy().tolist()) for text, label in data]
    [([b'a bad film', b'a good film'], [0, 1])]
    """
    if format != "tf":
        raise tf.errors.UnimplementedError(f"`format` is 'tf'. Received: format={format!r}.")

    def read(path: str) -> Any:
        with open(path, "rb") as file:
            return tf.constant(file.read(-1 if max_length is None else max_length))

    return dataset_from_directory(
        directory, read, (".txt",), labels=labels, label_mode=label_mode,
        class_names=class_names, batch_size=batch_size, shuffle=shuffle, seed=seed, validation_split=validation_split,
        subset=subset, follow_links=follow_links, verbose=verbose)
