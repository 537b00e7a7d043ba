"""Folders of files, one for each class, as data sets: what `text_`, `audio_` and `image_dataset_from_directory` share."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import treadle as tf


class FilesDataset(tf.data.Dataset):
    """A data set of files. Attributes: `class_names`, in the order of the labels (None without); `file_paths`."""

    __slots__ = ("class_names", "file_paths")

    def __init__(self, dataset: Any, class_names: list[str] | None, file_paths: list[str]):
        super().__init__(dataset._node)
        self.class_names, self.file_paths = class_names, file_paths


def dataset_from_directory(directory: Any, read: Callable[[str], Any], formats: Sequence[str], rank: int | None = None, *,
                           labels: Any, label_mode: Any, class_names: Any, batch_size: int | None, shuffle: bool, seed: Any,
                           validation_split: Any, subset: Any, follow_links: bool, verbose: bool) -> Any:
    """A data set of `read(path)`, with labels where there are; [training, validation] for `subset="both"`.

    Args:
        formats: the endings of the files' names.
        rank: of what is read, if batches are to be padded to the largest sizes in them.
        other arguments: see `text_dataset_from_directory`.
    """
    buffer_size = 1024 if batch_size is None else batch_size * 8
    _check(labels, label_mode, class_names, validation_split, subset, shuffle, seed)
    if labels is None or label_mode is None:
        labels = label_mode = None
    seed = int(np.random.randint(10**6)) if seed is None else seed
    paths, found, class_names = files_by_class(directory, labels, formats, class_names, follow_links)
    if verbose:
        classes = "" if found is None else f" belonging to {len(class_names)} classes"
        print(f"Found {len(paths)} files{classes}.")
    if label_mode == "binary" and len(class_names) != 2:
        raise tf.errors.InvalidArgumentError(
            f"label_mode='binary' is for two classes. Received: class_names={class_names}.")
    order = np.arange(len(paths))
    if shuffle:
        np.random.RandomState(seed).shuffle(order)
    held_out = int((validation_split or 0) * len(paths))
    at = len(paths) - held_out
    parts = {"training": order[:at], "validation": order[at:], None: order}
    wanted = ("training", "validation") if subset == "both" else (subset,)
    datasets = []
    for name in wanted:
        chosen = parts[name]
        if verbose and name is not None:
            print(f"Using {len(chosen)} files for {name}.")
        if not len(chosen):
            raise tf.errors.InvalidArgumentError(
                f"There are no {name + ' ' if name else ''}files. Received: {directory!r}, where {len(paths)} files end in "
                f"{', '.join(formats)}.")
        dataset = _dataset([paths[i] for i in chosen], None if found is None else found[chosen], read, label_mode,
                           len(class_names or ()), buffer_size if shuffle and (name != "validation" or subset != "both") else 0,
                           seed)
        if batch_size is not None:
            shapes: Any = [None] * (rank or 0)
            if found is not None:
                shapes = (shapes, [len(class_names)] if label_mode == "categorical" else [1] if label_mode == "binary" else [])
            dataset = dataset.batch(batch_size) if rank is None else dataset.padded_batch(batch_size, shapes)
        datasets.append(FilesDataset(dataset.prefetch(tf.data.AUTOTUNE), class_names, [paths[i] for i in chosen]))
    return datasets if subset == "both" else datasets[0]


def _check(labels: Any, label_mode: Any, class_names: Any, validation_split: Any, subset: Any, shuffle: bool,
           seed: Any) -> None:
    given = f"Received: labels={labels!r}, label_mode={label_mode!r}, class_names={class_names!r}, validation_split=" \
            f"{validation_split}, subset={subset!r}, shuffle={shuffle}, seed={seed}."
    wrong = (
        "`labels` is 'inferred', None or a list with a label for each file" if not (
            labels is None or isinstance(labels, (list, tuple)) or isinstance(labels, str) and labels == "inferred") else
        "`class_names` go with labels='inferred'" if class_names and not isinstance(labels, str) else
        "`label_mode` is 'int', 'categorical', 'binary' or None" if label_mode not in (
            "int", "categorical", "binary", None) else
        "`validation_split` lies between 0 and 1" if validation_split and not 0 < validation_split < 1 else
        "`validation_split` and `subset` are given together" if bool(validation_split) != bool(subset) else
        "`subset` is 'training', 'validation' or 'both'" if subset not in ("training", "validation", "both", None) else
        "With `validation_split` and `shuffle` a `seed` is needed, so that the parts do not overlap" if (
            validation_split and shuffle and seed is None) else None)
    if wrong:
        raise tf.errors.InvalidArgumentError(f"{wrong}. {given}")


def files_by_class(directory: Any, labels: Any, formats: Sequence[str], class_names: Any,
                   follow_links: bool) -> tuple[list[str], Any, Any]:
    """(paths in alphabetic order of classes and names, int32 labels or None, names of the classes or None)."""
    root = os.fspath(directory)
    if not os.path.isdir(root):
        raise tf.errors.NotFoundError(f"The folder does not exist. Received: {directory!r}.")
    if not isinstance(labels, str):
        paths = _files(root, formats, follow_links)
        if labels is None:
            return paths, None, None
        if len(labels) != len(paths):
            raise tf.errors.InvalidArgumentError(
                f"There is a label for each of {len(paths)} files in the folder. Received: {len(labels)} labels.")
        return paths, np.asarray(labels, np.int32), [str(label) for label in sorted(set(labels))]
    folders = sorted(d for d in os.listdir(root) if os.path.isdir(os.path.join(root, d)) and not d.startswith("."))
    if class_names is not None and not set(class_names) <= set(folders):
        raise tf.errors.InvalidArgumentError(
            f"`class_names` are names of folders: {folders}. Received: class_names={class_names}.")
    names = list(class_names) if class_names is not None else folders
    groups = [_files(os.path.join(root, name), formats, follow_links) for name in names]
    found = np.repeat(np.arange(len(names), dtype=np.int32), [len(group) for group in groups])
    return [path for group in groups for path in group], found, names


def _files(directory: str, formats: Sequence[str], follow_links: bool) -> list[str]:
    walk = sorted(os.walk(directory, followlinks=follow_links), key=lambda found: found[0])
    return [os.path.join(root, name) for root, _, names in walk for name in sorted(names)
            if name.lower().endswith(tuple(formats))]


def _dataset(paths: list[str], labels: Any, read: Callable[[str], Any], label_mode: Any, count: int, buffer_size: int,
             seed: int) -> Any:
    if label_mode == "binary":
        labels = labels.astype(np.float32)[:, None]
    elif label_mode == "categorical":
        labels = np.eye(count, dtype=np.float32)[labels]
    names = np.array(paths, object)
    dataset = tf.data.Dataset.from_tensor_slices(names if labels is None else (names, labels))
    if buffer_size:
        dataset = dataset.shuffle(buffer_size, seed=seed)

    def load(path: Any, *label: Any) -> Any:
        found = read(os.fsdecode(path.numpy()))
        return (found, *label) if label else found

    return dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE)
