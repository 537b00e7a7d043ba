"""treadle: a graph-tracing compiler for training code.

    import treadle as tf

Write eager tensors, variables, `GradientTape` and Python as in TensorFlow 2; decorate the training step with
`@tf.function`, and it is traced into a graph, optimised, and compiled by XLA.
"""

from treadle import autodiff, config, debugging, dtypes, errors, ir, nest, random, runtime, tracer
from treadle.ir.dtypes import (
    DType,
    as_dtype,
    bfloat16,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    string,
    uint8,
    uint16,
    uint32,
    uint64,
)
from treadle.ir.dtypes import bool_ as bool  # noqa: A004
from treadle.runtime.constants import (
    IndexedSlices,
    constant,
    executing_eagerly,
    get_static_value,
    init_scope,
    is_symbolic_tensor,
    is_tensor,
)
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.custom_gradient import custom_gradient, recompute_grad
from treadle.runtime.jax_call import jax_call
from treadle.runtime.module import Module, name_scope
from treadle.runtime.spec import TensorSpec, type_spec_from_value
from treadle.runtime.tape import GradientTape, UnconnectedGradients
from treadle.runtime.tensor import Tensor
from treadle.runtime.tensor_shape import TensorShape
from treadle.runtime.variable import Variable
from treadle.tracer.function import function

__version__ = "0.1.0"
newaxis = None

from treadle import data, keras  # noqa: E402  (they are written with the names above)
