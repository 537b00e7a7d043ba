"""A public name that is not there: the error names what takes its place, or the name that was meant."""

import re
from operator import attrgetter

import pytest

import treadle as tf
from treadle.missing import INSTEAD


def look_up(path):
    return attrgetter(path.removeprefix("tf."))(tf)


@pytest.mark.parametrize("path", INSTEAD)
def test_what_is_missing_names_what_takes_its_place(path):
    with pytest.raises(AttributeError, match=rf"treadle has no `{re.escape(path)}`\. In its place: "):
        look_up(path)


@pytest.mark.parametrize("text", sorted(set(INSTEAD.values())))
def test_what_takes_its_place_is_there(text):
    for path in re.findall(r"`@?(tf(?:\.\w+)+)`", text):
        if path not in text.partition(" for ")[2]:
            assert look_up(path) is not None


@pytest.mark.parametrize("path, meant", [
    ("tf.Variabel", "tf.Variable"), ("tf.nn.reluu", "tf.nn.relu"), ("tf.keras.layers.Dens", "tf.keras.layers.Dense"),
    ("tf.math.reduce_sun", "tf.math.reduce_sum"), ("tf.losses.MeanSquareError", "tf.losses.MeanSquaredError")])
def test_a_misspelt_name(path, meant):
    with pytest.raises(AttributeError, match=r"Did you mean `tf\.") as caught:
        look_up(path)
    assert meant.split(".")[-1] in str(caught.value)


def test_a_name_like_no_other_and_names_of_protocols():
    with pytest.raises(AttributeError, match=r"^`tf\.linalg` has no `zzz`\.$"):
        look_up("tf.linalg.zzz")
    assert not hasattr(tf, "__wrapped__") and not hasattr(tf.nn, "zzz")
    assert getattr(tf.keras, "zzz", 3) == 3
