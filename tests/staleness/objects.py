"""Objects changed between calls: attributes, sub-objects, methods, properties, lists, dicts and sets."""

import collections
import dataclasses
import enum
import types

import numpy as np

import treadle as tf
from staleness import right, right_or_loud


class Model:
    """A model with settings of every kind."""

    bias = 1.0

    def __init__(self):
        self.rate = 0.5
        self.training = True
        self.name = "a"
        self.cfg = types.SimpleNamespace(lr=0.1, inner=types.SimpleNamespace(depth=1))
        self.layers = [lambda x: x * 2.0]
        self.table = {"k": 2.0}
        self.tags = {"a"}
        self.sub = Scale(2.0)
        self._scale = 1.0

    @property
    def scale(self):
        return self._scale * 2.0

    def helper(self, x):
        return x * 2.0

    def call(self, x):
        return self.helper(x) + self.bias

    def rated(self, x):
        return x * self.rate

    @tf.function
    def step(self, x):
        return x * self.rate


class Scale:
    """A layer."""

    def __init__(self, k):
        self.k = k

    def __call__(self, x):
        return x * self.k


class Shift(Scale):
    """Another layer."""

    def __call__(self, x):
        return x + self.k


@right
def attribute_of_self():
    model = Model()
    yield model.rated
    model.rate = 4.0
    yield
    model.rate = 0.5
    yield


@right
def attribute_read_by_a_compiled_method():
    model = Model()
    yield model.step
    model.rate = 4.0
    yield


@right
def attribute_read_by_a_compiled_method_called_inside():
    model = Model()
    yield lambda x: model.step(x) + 1.0
    model.rate = 4.0
    yield


@right
def attribute_of_an_object_in_a_closure():
    model = Model()
    yield lambda x: x if model.training else -x
    model.training = False
    yield


@right
def string_attribute():
    model = Model()
    yield lambda x: x if model.name == "a" else x * 5.0
    model.name = "b"
    yield


@right
def nested_attribute():
    model = Model()
    yield lambda x: x * model.cfg.lr
    model.cfg.lr = 0.7
    yield


@right
def attribute_three_deep():
    model = Model()
    yield lambda x: x * model.cfg.inner.depth
    model.cfg.inner.depth = 3
    yield


@right
def object_on_the_way_replaced():
    model = Model()
    yield lambda x: x * model.cfg.lr
    model.cfg = types.SimpleNamespace(lr=9.0)
    yield


@right
def class_attribute():
    model = Model()
    yield model.call
    Model.bias = 5.0
    yield
    Model.bias = 1.0
    yield


@right
def class_attribute_shadowed_by_the_instance():
    model = Model()
    yield model.call
    model.bias = 50.0
    yield
    del model.bias
    yield


@right
def property_of_a_changed_attribute():
    model = Model()
    yield lambda x: x * model.scale
    model._scale = 5.0
    yield


@right
def method_replaced_on_the_class():
    model = Model()
    before = Model.helper
    yield model.call
    Model.helper = lambda self, x: x * 100.0
    yield
    Model.helper = before
    yield


@right
def method_replaced_on_the_instance():
    model = Model()
    yield model.call
    model.helper = lambda x: x * 100.0
    yield


@right
def layer_replaced():
    model = Model()
    yield lambda x: model.sub(x)
    model.sub = Scale(3.0)
    yield


@right
def layer_replaced_by_one_of_another_class():
    model = Model()
    yield lambda x: model.sub(x)
    model.sub = Shift(2.5)
    yield


@right
def attribute_of_a_layer():
    model = Model()
    yield lambda x: model.sub(x) + 1.0
    model.sub.k = 7.0
    yield


@right
def isinstance_of_a_replaced_object():
    model = Model()
    yield lambda x: x * 2.0 if isinstance(model.sub, Shift) else x
    model.sub = Shift(1.0)
    yield


@right_or_loud
def class_of_an_object_changed():
    layer = Scale(3.0)
    yield lambda x: layer(x)
    layer.__class__ = Shift
    yield


@right
def attribute_from_none_to_a_value():
    model = Model()
    model.mask = None
    yield lambda x: x if model.mask is None else x * model.mask
    model.mask = 3.0
    yield


@right
def attribute_that_appears():
    model = Model()
    yield lambda x: x * 2.0 if hasattr(model, "extra") else x
    model.extra = 1
    yield


@right
def attribute_by_getattr_with_a_default():
    model = Model()
    yield lambda x: x * getattr(model, "extra", 1.0)
    model.extra = 6.0
    yield


@right
def variable_attribute_replaced():
    model = Model()
    model.w = tf.Variable(1.0)
    yield lambda x: x * model.w
    model.w = tf.Variable(8.0)
    yield


@right
def tensor_attribute_replaced():
    model = Model()
    model.w = tf.constant(1.0)
    yield lambda x: x * model.w
    model.w = tf.constant(8.0)
    yield


@right_or_loud
def numpy_attribute_changed_in_place():
    model = Model()
    model.w = np.ones(2, np.float32)
    yield lambda x: x * model.w
    model.w *= 3.0
    yield


@right_or_loud
def attribute_of_an_object_with_slots():
    class Slotted:
        __slots__ = ("k",)
    point = Slotted()
    point.k = 2.0
    yield lambda x: x * point.k
    point.k = 3.0
    yield


@right_or_loud
def attribute_behind_a_users_getattr():
    class Lazy:
        values = {"k": 2.0}

        def __getattr__(self, name):
            return self.values[name]
    lazy = Lazy()
    yield lambda x: x * lazy.k
    lazy.values["k"] = 5.0
    yield


@right_or_loud
def attribute_behind_a_descriptor():
    class Doubled:
        def __get__(self, instance, owner):
            return instance.__dict__["k"] * 2.0

        def __set__(self, instance, value):
            instance.__dict__["k"] = value

    class Holder:
        k = Doubled()
    holder = Holder()
    holder.k = 1.0
    yield lambda x: x * holder.k
    holder.k = 3.0
    yield


@right_or_loud
def state_behind_a_call_of_the_users_object():
    class Schedule:
        step = 1.0

        def __call__(self):
            return 1.0 / self.step
    schedule = Schedule()
    yield lambda x: x * schedule()
    schedule.step = 4.0
    yield


@right
def dataclass_field():
    @dataclasses.dataclass
    class Config:
        lr: float = 0.1
        steps: int = 1
    config = Config()
    yield lambda x: x * config.lr * config.steps
    config.lr = 0.9
    yield
    config.steps = 3
    yield


@right
def enum_attribute():
    class Mode(enum.Enum):
        A = 1
        B = 2
    model = Model()
    model.mode = Mode.A
    yield lambda x: x if model.mode == Mode.A else -x
    model.mode = Mode.B
    yield


@right
def namedtuple_replaced():
    Config = collections.namedtuple("Config", "lr steps")
    model = Model()
    model.config = Config(0.1, 1)
    yield lambda x: x * model.config.lr
    model.config = model.config._replace(lr=0.4)
    yield


@right_or_loud
def list_element():
    scales = [1.0, 2.0]
    yield lambda x: x * scales[0]
    scales[0] = 3.0
    yield


@right_or_loud
def list_element_that_is_a_tensor():
    scales = [tf.constant(1.0)]
    yield lambda x: x * scales[0]
    scales[0] = tf.constant(4.0)
    yield


@right_or_loud
def list_length():
    layers = [1, 2]
    yield lambda x: x * len(layers)
    layers.append(3)
    yield


@right_or_loud
def length_of_a_list_attribute():
    model = Model()
    yield lambda x: x * len(model.layers)
    model.layers.append(None)
    yield


@right_or_loud
def iteration_over_a_list_attribute():
    model = Model()

    def f(x):
        for layer in model.layers:
            x = layer(x)
        return x
    yield f
    model.layers.append(lambda x: x + 10.0)
    yield
    model.layers.pop()
    yield


@right_or_loud
def layer_of_a_list_replaced():
    model = Model()
    yield lambda x: model.layers[0](x)
    model.layers[0] = Scale(11.0)
    yield


@right_or_loud
def truth_of_a_list():
    rest = []
    yield lambda x: x * 2.0 if rest else x
    rest.append(1)
    yield


@right_or_loud
def dict_value():
    table = {"k": 2.0}
    yield lambda x: x * table["k"]
    table["k"] = 3.0
    yield


@right_or_loud
def dict_key_added():
    table = {"a": 1.0}
    yield lambda x: x * sum(table.values())
    table["b"] = 5.0
    yield


@right_or_loud
def dict_get_with_a_default():
    model = Model()
    yield lambda x: x * model.table.get("scale", 1.0)
    model.table["scale"] = 3.0
    yield


@right_or_loud
def membership_in_a_dict():
    model = Model()
    yield lambda x: x * 2.0 if "mask" in model.table else x
    model.table["mask"] = None
    yield


@right_or_loud
def membership_in_a_set():
    model = Model()
    yield lambda x: x * 2.0 if "b" in model.tags else x
    model.tags.add("b")
    yield


@right_or_loud
def membership_in_a_list():
    names = ["a"]
    yield lambda x: x * 2.0 if "b" in names else x
    names.append("b")
    yield


@right_or_loud
def nested_dict_and_list():
    config = {"layers": [{"units": 1}]}
    yield lambda x: x * config["layers"][0]["units"]
    config["layers"][0]["units"] = 9
    yield


@right_or_loud
def sum_and_max_of_a_list():
    values = [1.0, 2.0]
    yield lambda x: x * max(values) + sum(values)
    values.append(10.0)
    yield


@right_or_loud
def list_sorted_and_sliced():
    values = [3.0, 1.0]
    yield lambda x: x * sorted(values)[:1][0]
    values.append(0.5)
    yield


@right_or_loud
def zip_and_enumerate_of_lists():
    a, b = [1.0, 2.0], [3.0, 4.0]
    yield lambda x: sum((x * i * p * q for i, (p, q) in enumerate(zip(a, b))), x)
    b[1] = 40.0
    yield


@right_or_loud
def starred_call_with_a_list_and_a_dict():
    def helper(a, b, k=1.0):
        return a * b * k
    args, kwargs = [3.0], {"k": 2.0}
    yield lambda x: helper(x, *args, **kwargs)
    kwargs["k"] = 5.0
    yield


@right
def object_as_an_argument():
    model = Model()

    def f(x, m=model):
        return x * m.rate
    yield f
    model.rate = 3.0
    yield (tf.constant(2.0), model)
    model.rate = 5.0
    yield (tf.constant(2.0), model)


@right
def list_as_an_argument():
    values = [1.0, 2.0]
    yield lambda x, vs=values: x * sum(vs)
    values.append(5.0)
    yield (tf.constant(2.0), values)
    values[0] = 4.0
    yield (tf.constant(2.0), values)
