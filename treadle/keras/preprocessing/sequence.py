"""`keras.preprocessing.sequence`."""

from treadle.keras_like.preprocessing.skipgrams import make_sampling_table, skipgrams
from treadle.keras_like.preprocessing.timeseries_generator import TimeseriesGenerator
from treadle.keras_like.utils.sequences import pad_sequences

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams"]
