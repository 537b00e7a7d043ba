"""What `ImageDataGenerator.flow...` return: batches by their number, for `fit`, and batches without end, for `next`."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator as PythonIterator
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.core.policy import floatx
from treadle.keras_like.core.warning import warn
from treadle.keras_like.utils.directories import files_by_class
from treadle.keras_like.utils.images import COLOR_MODES, array_to_img, img_to_array, load_img
from treadle.keras_like.utils.py_dataset import PyDataset

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")


class Iterator(PyDataset):
    """Batches of `n` samples. Subclasses define `_get_batches_of_transformed_samples(index_array)`.

    Args:
        n: how many samples there are.
        batch_size: how many a batch has; the last may have fewer.
        shuffle: another order in each epoch.
        seed: of NumPy's global generator, set anew for each batch. Default: not set.
        kwargs: those of `keras.utils.PyDataset`.

    `self[i]` is the i-th batch of an epoch; `next(self)` goes through epoch after epoch without end.
    """

    def __init__(self, n: int, batch_size: int, shuffle: bool, seed: int | None, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(batch_size, (int, np.integer)) or batch_size <= 0:
            raise tf.errors.InvalidArgumentError(f"`batch_size` is a positive integer. Received: {batch_size!r}.")
        self.n, self.batch_size, self.shuffle, self.seed = n, batch_size, shuffle, seed
        self.batch_index = self.total_batches_seen = 0
        self.index_array: Any = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def _begin_batch(self) -> None:
        if self.seed is not None:
            np.random.seed(self.seed + self.total_batches_seen)
        self.total_batches_seen += 1

    def _reorder(self) -> None:
        self.index_array = np.random.permutation(self.n) if self.shuffle else np.arange(self.n)

    def _rows(self, index: int) -> np.ndarray:
        return self.index_array[index * self.batch_size:(index + 1) * self.batch_size]

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise tf.errors.OutOfRangeError(f"There are {len(self)} batches, counted from 0. Received: the index {index}.")
        with self._lock:
            self._begin_batch()
            if self.index_array is None:
                self._reorder()
            rows = self._rows(index)
        return self._get_batches_of_transformed_samples(rows)

    def on_epoch_end(self) -> None:
        """Called after each epoch: a new order."""
        self._reorder()

    def reset(self) -> None:
        """Have `next` begin with the first batch of an epoch."""
        self.batch_index = 0

    def __iter__(self) -> PythonIterator[Any]:
        return self

    def __next__(self) -> Any:
        if not self.n:
            raise StopIteration
        with self._lock:
            if self.seed is not None:
                np.random.seed(self.seed + self.total_batches_seen)
            if self.batch_index == 0:
                self._reorder()
            self.total_batches_seen += 1
            rows = self._rows(self.batch_index)
            self.batch_index = (self.batch_index + 1) % len(self)
        return self._get_batches_of_transformed_samples(rows)

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        """A batch, of the samples with these numbers."""
        raise tf.errors.UnimplementedError(
            f"`{type(self).__name__}` does not define `_get_batches_of_transformed_samples(index_array)`.")


class _Images(Iterator):
    """Batches of images that a generator changes, and that may be written to a folder."""

    def _keep(self, generator: Any, data_format: Any, dtype: Any, save_to_dir: Any, save_prefix: str, save_format: str) -> None:
        self.image_data_generator, self.data_format = generator, as_data_format(data_format)
        self.dtype = floatx() if dtype is None else dtype
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format

    def _changed(self, image: np.ndarray) -> np.ndarray:
        generator = self.image_data_generator
        if not generator:
            return image
        return generator.standardize(generator.apply_transform(image, generator.get_random_transform(image.shape)))

    def _write(self, images: np.ndarray, rows: np.ndarray) -> None:
        if self.save_to_dir:
            for image, row in zip(images, rows):
                name = f"{self.save_prefix}_{row}_{np.random.randint(10**7)}.{self.save_format}"
                array_to_img(image, self.data_format, scale=True).save(os.path.join(self.save_to_dir, name))


class NumpyArrayIterator(_Images):
    """Batches of arrays; see `ImageDataGenerator.flow`."""

    def __init__(self, x: Any, y: Any, image_data_generator: Any, batch_size: int = 32, shuffle: bool = False,
                 sample_weight: Any = None, seed: int | None = None, data_format: str | None = None, save_to_dir: Any = None,
                 save_prefix: str = "", save_format: str = "png", subset: str | None = None, ignore_class_split: bool = False,
                 dtype: Any = None, **kwargs: Any):
        self._keep(image_data_generator, data_format, dtype, save_to_dir, save_prefix, save_format)
        others: list[Any] = []
        if isinstance(x, (tuple, list)):
            others = [np.asarray(v) for v in (x[1] if isinstance(x[1], list) else [x[1]])]
            x = x[0]
        x = np.asarray(x, self.dtype)
        y, sample_weight = (None if v is None else np.asarray(v) for v in (y, sample_weight))
        if x.ndim != 4:
            raise tf.errors.InvalidArgumentError(f"`flow` takes images, of rank 4. Received: an array of shape {x.shape}.")
        for name, value in (("y", y), ("sample_weight", sample_weight), *(("x[1]", v) for v in others)):
            if value is not None and len(value) != len(x):
                raise tf.errors.InvalidArgumentError(
                    f"All arrays must have as many rows as the images, {len(x)}. Received: {len(value)} rows of {name}.")
        part = slice(None)
        if subset is not None:
            at = int(len(x) * _share(image_data_generator, subset))
            part = slice(0, at) if subset == "validation" else slice(at, None)
            if y is not None and not ignore_class_split and not np.array_equal(np.unique(y[:at]), np.unique(y[at:])):
                raise tf.errors.InvalidArgumentError(
                    "The two subsets would have different labels. Shuffle the arrays first, or set `ignore_class_split=True`.")
        self.x, self.x_misc = x[part], [v[part] for v in others]
        self.y = None if y is None else y[part]
        self.sample_weight = None if sample_weight is None else sample_weight[part]
        super().__init__(len(self.x), batch_size, shuffle, seed, **kwargs)

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        images = np.empty((len(index_array), *self.x.shape[1:]), self.dtype)
        for i, row in enumerate(index_array):
            images[i] = self._changed(self.x[row].copy())
        self._write(images, index_array)
        batch: Any = [images, *(v[index_array] for v in self.x_misc)] if self.x_misc else images
        if self.y is None:
            return batch
        found = batch, self.y[index_array]
        return found if self.sample_weight is None else (*found, self.sample_weight[index_array])


class _Files(_Images):
    """Batches of images in files. Subclasses set `filepaths`, and `classes` or `targets`."""

    modes: tuple[str | None, ...] = ("categorical", "binary", "sparse", "input", None)
    filepaths: list[str]
    classes: Any = None
    class_indices: dict[str, int]
    targets: Any = None
    sample_weight: Any = None

    def _keep_files(self, target_size: Any, color_mode: str, class_mode: Any, subset: Any, interpolation: str,
                    keep_aspect_ratio: bool) -> None:
        if color_mode not in COLOR_MODES:
            raise tf.errors.InvalidArgumentError(
                f"`color_mode` is 'rgb', 'rgba' or 'grayscale'. Received: color_mode={color_mode!r}.")
        if class_mode not in self.modes:
            raise tf.errors.InvalidArgumentError(
                f"`class_mode` is one of {', '.join(map(repr, self.modes))}. Received: class_mode={class_mode!r}.")
        self.target_size, self.color_mode, self.class_mode = tuple(target_size), color_mode, class_mode
        channels = COLOR_MODES[color_mode]
        self.image_shape = ((*self.target_size, channels) if self.data_format == "channels_last"
                            else (channels, *self.target_size))
        self.subset, self.interpolation, self.keep_aspect_ratio = subset, interpolation, keep_aspect_ratio

    def _part(self, count: int) -> slice:
        """Which of so many files belong to the subset."""
        if self.subset is None:
            return slice(None)
        at = int(_share(self.image_data_generator, self.subset) * count)
        return slice(0, at) if self.subset == "validation" else slice(at, None)

    @property
    def labels(self) -> Any:
        """The labels of all files."""
        return self.classes if self.targets is None else self.targets

    @property
    def samples(self) -> int:
        """How many files there are."""
        return len(self.filepaths)

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        images = np.empty((len(index_array), *self.image_shape), self.dtype)
        for i, row in enumerate(index_array):
            with load_img(self.filepaths[row], self.color_mode, self.target_size, self.interpolation,
                          self.keep_aspect_ratio) as image:
                images[i] = self._changed(img_to_array(image, self.data_format))
        self._write(images, index_array)
        if self.class_mode is None:
            return images
        batch = images, self._targets(index_array, images)
        return batch if self.sample_weight is None else (*batch, self.sample_weight[index_array])

    def _targets(self, rows: np.ndarray, images: np.ndarray) -> Any:
        if self.class_mode == "input":
            return images.copy()
        if self.class_mode == "multi_output":
            return [target[rows] for target in self.targets]
        if self.class_mode == "raw":
            return self.targets[rows]
        if self.class_mode != "categorical":
            return np.array([self.classes[row] for row in rows], self.dtype)
        targets = np.zeros((len(rows), len(self.class_indices)), self.dtype)
        for i, row in enumerate(rows):
            targets[i, self.classes[row]] = 1.0
        return targets


class DirectoryIterator(_Files):
    """Batches of the images in a folder; see `ImageDataGenerator.flow_from_directory`."""

    def __init__(self, directory: Any, image_data_generator: Any, target_size: Any = (256, 256), color_mode: str = "rgb",
                 classes: Any = None, class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True,
                 seed: int | None = None, data_format: str | None = None, save_to_dir: Any = None, save_prefix: str = "",
                 save_format: str = "png", follow_links: bool = False, subset: str | None = None,
                 interpolation: str = "nearest", keep_aspect_ratio: bool = False, dtype: Any = None, **kwargs: Any):
        self._keep(image_data_generator, data_format, dtype, save_to_dir, save_prefix, save_format)
        self._keep_files(target_size, color_mode, class_mode, subset, interpolation, keep_aspect_ratio)
        self.directory = os.fspath(directory)
        paths, numbers, names = files_by_class(self.directory, "inferred", ENDINGS, classes, follow_links)
        # A subset has its share of each class.
        chosen = [i for k in range(len(names)) for i in np.flatnonzero(numbers == k)[self._part(int((numbers == k).sum()))]]
        self.filepaths, self.classes = [paths[i] for i in chosen], numbers[chosen].astype(np.int32)
        self.filenames = [os.path.relpath(path, self.directory) for path in self.filepaths]
        self.class_indices, self.num_classes = {name: i for i, name in enumerate(names)}, len(names)
        print(f"Found {len(chosen)} images belonging to {self.num_classes} classes.")
        super().__init__(len(chosen), batch_size, shuffle, seed, **kwargs)


class DataFrameIterator(_Files):
    """Batches of the images that a table lists; see `ImageDataGenerator.flow_from_dataframe`."""

    modes = (*_Files.modes, "multi_output", "raw")

    def __init__(self, dataframe: Any, directory: Any = None, image_data_generator: Any = None, x_col: str = "filename",
                 y_col: Any = "class", weight_col: str | None = None, target_size: Any = (256, 256), color_mode: str = "rgb",
                 classes: Any = None, class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True,
                 seed: int | None = None, data_format: str | None = "channels_last", save_to_dir: Any = None,
                 save_prefix: str = "", save_format: str = "png", subset: str | None = None, interpolation: str = "nearest",
                 keep_aspect_ratio: bool = False, dtype: Any = "float32", validate_filenames: bool = True, **kwargs: Any):
        class_mode = "raw" if class_mode == "other" else class_mode
        self._keep(image_data_generator, data_format, dtype, save_to_dir, save_prefix, save_format)
        self._keep_files(target_size, color_mode, class_mode, subset, interpolation, keep_aspect_ratio)
        self.directory = "" if directory is None else os.fspath(directory)
        files = list(dataframe[x_col])
        if not all(isinstance(file, str) for file in files):
            raise tf.errors.DtypeError(f"The column {x_col!r} holds the paths of files. Received: {files[:3]} ...")
        rows = list(range(len(files)))
        if validate_filenames:
            rows = [i for i in rows if files[i].lower().endswith(ENDINGS)
                    and os.path.isfile(os.path.join(self.directory, files[i]))]
            if len(rows) < len(files):
                warn(f"{len(files) - len(rows)} of the {len(files)} files in the column {x_col!r} are not there or no "
                              "images. They are left out.")
        numbers: dict[int, Any] = {}
        counted = class_mode in ("categorical", "binary", "sparse")
        if counted:
            labels = list(dataframe[y_col])
            self._check_labels(labels, y_col)
            names = list(dict.fromkeys(classes)) if classes else sorted({n for i in rows for n in _names(labels[i])})
            if class_mode == "binary" and len(names) != 2:
                raise tf.errors.InvalidArgumentError(
                    f"class_mode='binary' takes two classes. Received: {len(names)} of them.")
            self.class_indices = {name: i for i, name in enumerate(names)}
            for i in rows:
                known = [self.class_indices[n] for n in _names(labels[i]) if n in self.class_indices]
                if known:
                    numbers[i] = known[0] if isinstance(labels[i], str) else known
            rows = list(numbers)
        rows = rows[self._part(len(rows))]
        self.classes = [numbers[i] for i in rows] if counted else None
        self.filenames = [files[i] for i in rows]
        self.filepaths = [os.path.join(self.directory, name) for name in self.filenames]
        if class_mode == "multi_output":
            if not isinstance(y_col, list):
                raise tf.errors.DtypeError(
                    f"class_mode='multi_output' takes a list of columns. Received: y_col={y_col!r}.")
            self.targets = [np.array([list(dataframe[column])[i] for i in rows]) for column in y_col]
        elif class_mode == "raw":
            several = isinstance(y_col, list)
            values = np.array([list(dataframe[column]) for column in y_col]).T if several else np.array(list(dataframe[y_col]))
            self.targets = values[rows]
        if weight_col is not None:
            weights = np.array(list(dataframe[weight_col]))
            if weights.dtype.kind not in "iuf":
                raise tf.errors.DtypeError(f"The column {weight_col!r} holds numbers. Received: {weights[:3]} ...")
            self.sample_weight = weights[rows]
        print(f"Found {len(rows)} {'' if validate_filenames else 'non-'}validated image filenames"
              + (f" belonging to {len(self.class_indices)} classes." if counted else "."))
        super().__init__(len(rows), batch_size, shuffle, seed, **kwargs)

    def _check_labels(self, labels: list[Any], y_col: Any) -> None:
        allowed = (str, list, tuple) if self.class_mode == "categorical" else (str,)
        wrong = next((label for label in labels if not isinstance(label, allowed)), None)
        if wrong is not None:
            raise tf.errors.DtypeError(
                f"With class_mode={self.class_mode!r} the labels in the column {y_col!r} are strings. Received: {wrong!r}. For "
                "numbers use class_mode='raw', or `dataframe[column].astype(str)`.")


def _names(label: Any) -> list[Any]:
    return list(label) if isinstance(label, (list, tuple)) else [label]


def _share(generator: Any, subset: Any) -> float:
    """Which share of the data the validation data are."""
    if subset not in ("training", "validation"):
        raise tf.errors.InvalidArgumentError(f"`subset` is 'training' or 'validation'. Received: subset={subset!r}.")
    return generator.validation_split
