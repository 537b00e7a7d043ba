"""Learning rate schedules against Keras."""

import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, ours, theirs

SCHEDULES = [
    ("ExponentialDecay", dict(initial_learning_rate=0.1, decay_steps=7, decay_rate=0.9)),
    ("ExponentialDecay", dict(initial_learning_rate=0.1, decay_steps=7, decay_rate=0.9, staircase=True)),
    ("PiecewiseConstantDecay", dict(boundaries=[5, 10], values=[1.0, 0.5, 0.1])),
    ("PiecewiseConstantDecay", dict(boundaries=[3], values=[1.0, 0.5])),
    ("PiecewiseConstantDecay", dict(boundaries=[3.0, 5.0], values=[1.0, 0.5, 0.25])),
    ("PolynomialDecay", dict(initial_learning_rate=0.1, decay_steps=10)),
    ("PolynomialDecay", dict(initial_learning_rate=0.1, decay_steps=10, end_learning_rate=0.01, power=0.5)),
    ("PolynomialDecay", dict(initial_learning_rate=0.1, decay_steps=10, power=2.0, cycle=True)),
    ("InverseTimeDecay", dict(initial_learning_rate=0.1, decay_steps=4, decay_rate=0.5)),
    ("InverseTimeDecay", dict(initial_learning_rate=0.1, decay_steps=4, decay_rate=0.5, staircase=True)),
    ("CosineDecay", dict(initial_learning_rate=0.1, decay_steps=10)),
    ("CosineDecay", dict(initial_learning_rate=0.1, decay_steps=10, alpha=0.2)),
    ("CosineDecay", dict(initial_learning_rate=0.0, decay_steps=10, warmup_target=0.1, warmup_steps=5)),
    ("CosineDecay", dict(initial_learning_rate=0.01, decay_steps=10, alpha=0.1, warmup_target=0.1, warmup_steps=5)),
    ("CosineDecay", dict(initial_learning_rate=0.01, decay_steps=10, warmup_target=0.1)),
    ("CosineDecayRestarts", dict(initial_learning_rate=0.1, first_decay_steps=5)),
    ("CosineDecayRestarts", dict(initial_learning_rate=0.1, first_decay_steps=5, t_mul=1.0, m_mul=0.9)),
    ("CosineDecayRestarts", dict(initial_learning_rate=0.1, first_decay_steps=4, t_mul=1.5, m_mul=0.9, alpha=0.1)),
]


def both(name, config):
    return getattr(ours.optimizers.schedules, name)(**config), getattr(theirs.optimizers.schedules, name)(**config)


@pytest.mark.parametrize("name,config", SCHEDULES)
def test_rates(name, config):
    mine, other = both(name, config)
    compiled = tf.function(lambda step: mine(step))
    for step in range(31):
        expected = np.float32(other(step))
        close(np.float32(mine(step)), expected, f"{name}{config} at {step}")
        close(mine(tf.constant(step, tf.int64)).numpy(), expected, f"{name}{config} at {step}")
        close(compiled(tf.constant(float(step))).numpy(), expected, f"{name}{config} at {step}")
    assert mine(3).dtype == tf.float32


@pytest.mark.parametrize("name,config", SCHEDULES)
def test_configurations(name, config):
    mine, other = both(name, config)
    schedules = ours.optimizers.schedules
    assert mine.get_config() == other.get_config()
    assert schedules.serialize(mine) == theirs.optimizers.schedules.serialize(other)
    assert schedules.deserialize(schedules.serialize(mine)).get_config() == mine.get_config()


@pytest.mark.parametrize("name,config", [
    ("ExponentialDecay", dict(initial_learning_rate=1.0, decay_steps=0, decay_rate=0.9)),
    ("PolynomialDecay", dict(initial_learning_rate=1.0, decay_steps=-1)),
    ("CosineDecayRestarts", dict(initial_learning_rate=1.0, first_decay_steps=0)),
    ("PiecewiseConstantDecay", dict(boundaries=[1, 2], values=[1.0, 2.0]))])
def test_wrong_arguments(name, config):
    for keras in (ours, theirs):
        with pytest.raises(ValueError):
            getattr(keras.optimizers.schedules, name)(**config)


def test_the_base_class_asks_for_its_methods():
    schedule = ours.optimizers.schedules.LearningRateSchedule()
    with pytest.raises(NotImplementedError, match="__call__"):
        schedule(1)
    with pytest.raises(NotImplementedError, match="get_config"):
        schedule.get_config()
    with pytest.raises(ValueError, match="no (learning rate )?schedule"):
        ours.optimizers.schedules.deserialize({"class_name": "Wavy", "config": {}})


def test_every_schedule_of_keras_is_here():
    public = {n for n in dir(theirs.optimizers.schedules) if not n.startswith("_")}
    assert public - set(ours.optimizers.schedules.__all__) == set()
