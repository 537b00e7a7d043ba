"""treadle: a graph-tracing compiler for training code.

    import treadle as tf

Write eager tensors, variables, `GradientTape` and Python as in TensorFlow 2; decorate the training step with
`@tf.function`, and it is traced into a graph, optimised, and compiled by XLA.
"""

import gc

_collects = gc.isenabled()
gc.disable()  # While modules load nothing becomes garbage, and looking for it takes a sixth of the time.
try:
    from treadle import (
        autodiff,
        autograph,
        bitwise,
        config,
        debugging,
        deferred,
        distribute,
        dtypes,
        errors,
        image,
        initializers,
        io,
        ir,
        linalg,
        lowering,
        math,
        missing,
        nest,
        nn,
        profiler,
        random,
        runtime,
        signal,
        strings,
        tracer,
        version,
    )
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
    from treadle.ir.dtypes import bool_ as bool
    from treadle.ir.dtypes import float16 as half
    from treadle.ir.dtypes import float64 as double
    from treadle.ir.ops.arrays import (
        broadcast_to,
        concat,
        expand_dims,
        rank,
        reshape,
        reverse,
        roll,
        shape,
        size,
        squeeze,
        tile,
        transpose,
    )
    from treadle.ir.ops.decompositions import eig
    from treadle.ir.ops.elementary import (
        acos,
        acosh,
        asin,
        asinh,
        atan,
        atan2,
        atanh,
        complex,
        cos,
        cosh,
        floor,
        sigmoid,
        sin,
        sinh,
        tan,
        tanh,
    )
    from treadle.ir.ops.elementary import round_ as round
    from treadle.ir.ops.elementwise import abs_ as abs
    from treadle.ir.ops.elementwise import (
        add,
        bitcast,
        cast,
        exp,
        maximum,
        minimum,
        multiply,
        negative,
        sign,
        sqrt,
        square,
        subtract,
        truediv,
        truncatediv,
        truncatemod,
    )
    from treadle.ir.ops.elementwise import divide_float as realdiv
    from treadle.ir.ops.elementwise import pow_ as pow
    from treadle.ir.ops.elementwise import truediv as divide
    from treadle.ir.ops.indexing import (
        gather_nd,
        tensor_scatter_nd_add,
        tensor_scatter_nd_max,
        tensor_scatter_nd_min,
        tensor_scatter_nd_sub,
        tensor_scatter_nd_update,
    )
    from treadle.ir.ops.linalg import eye
    from treadle.ir.ops.logic import (
        equal,
        greater,
        greater_equal,
        less,
        less_equal,
        logical_and,
        logical_not,
        logical_or,
        not_equal,
    )
    from treadle.ir.ops.matrix_functions import sqrtm as matrix_square_root
    from treadle.ir.ops.reductions import (
        argmax,
        argmin,
        cumsum,
        reduce_all,
        reduce_any,
        reduce_max,
        reduce_mean,
        reduce_min,
        reduce_prod,
        reduce_sum,
    )
    from treadle.ir.ops.structure import identity, stop_gradient
    from treadle.runtime.aggregation import VariableAggregation, VariableSynchronization
    from treadle.runtime.composites.arrays import (
        broadcast_dynamic_shape,
        broadcast_static_shape,
        ensure_shape,
        fill,
        identity_n,
        linspace,
        meshgrid,
        one_hot,
        ones,
        ones_like,
        pad,
        repeat,
        reverse_sequence,
        sequence_mask,
        shape_n,
        split,
        stack,
        unravel_index,
        unstack,
        zeros,
        zeros_like,
    )
    from treadle.runtime.composites.arrays import range_ as range
    from treadle.runtime.composites.blocks import batch_to_space, space_to_batch
    from treadle.runtime.composites.blocks import space_to_batch as space_to_batch_nd
    from treadle.runtime.composites.debugging import Assert, control_dependencies, group, no_op
    from treadle.runtime.composites.host import numpy_function, py_function
    from treadle.runtime.composites.host import print_ as print
    from treadle.runtime.composites.indexing import boolean_mask, gather, scatter_nd, where
    from treadle.runtime.composites.indexing import slice_ as slice
    from treadle.runtime.composites.indexing import strided_slice_ as strided_slice
    from treadle.runtime.composites.initializers import Constant as constant_initializer
    from treadle.runtime.composites.initializers import Ones as ones_initializer
    from treadle.runtime.composites.initializers import RandomNormal as random_normal_initializer
    from treadle.runtime.composites.initializers import RandomUniform as random_uniform_initializer
    from treadle.runtime.composites.initializers import Zeros as zeros_initializer
    from treadle.runtime.composites.linalg import einsum, matmul, norm, tensordot
    from treadle.runtime.composites.math import (
        add_n,
        argsort,
        clip_by_global_norm,
        clip_by_norm,
        clip_by_value,
        reduce_logsumexp,
        saturate_cast,
        scalar_mul,
        searchsorted,
        sort,
    )
    from treadle.runtime.composites.matrices import eigvals
    from treadle.runtime.composites.segments import (
        dynamic_partition,
        dynamic_stitch,
        histogram_fixed_width,
        histogram_fixed_width_bins,
        unique,
        unique_with_counts,
    )
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
    from treadle.runtime.devices import device
    from treadle.runtime.jax_call import jax_call
    from treadle.runtime.module import Module, name_scope
    from treadle.runtime.profiling.profile import profile
    from treadle.runtime.spec import TensorSpec, type_spec_from_value
    from treadle.runtime.tape import GradientTape, UnconnectedGradients
    from treadle.runtime.tensor import Tensor
    from treadle.runtime.tensor_shape import TensorShape
    from treadle.runtime.variable import Variable
    from treadle.tracer.function import function
    from treadle.tracer.functional.branches import case, cond, switch_case
    from treadle.tracer.functional.loops import while_loop
    from treadle.tracer.functional.rows import foldl, foldr, map_fn, scan
    from treadle.tracer.functional.vectorized import vectorized_map
    from treadle.tracer.tensor_array import TensorArray

    newaxis = None
    __version__ = version.VERSION

    from treadle import data, keras, train  # isort: skip
finally:
    if _collects:
        gc.enable()
del gc

losses, metrics, optimizers = keras.losses, keras.metrics, keras.optimizers

# fmt: off
__all__ = [
    "Assert", "DType", "GradientTape", "IndexedSlices", "Module", "Tensor", "TensorArray", "TensorShape", "TensorSpec",
    "UnconnectedGradients", "Variable", "VariableAggregation", "VariableSynchronization", "__version__", "abs", "acos",
    "acosh", "add", "add_n", "argmax", "argmin", "argsort", "as_dtype", "asin", "asinh", "atan", "atan2", "atanh",
    "autodiff", "autograph", "batch_to_space", "bfloat16", "bitcast", "bitwise", "bool", "boolean_mask",
    "broadcast_dynamic_shape", "broadcast_static_shape", "broadcast_to", "case", "cast", "clip_by_global_norm",
    "clip_by_norm", "clip_by_value", "complex", "complex128", "complex64", "concat", "cond", "config", "constant",
    "constant_initializer", "control_dependencies", "convert_to_tensor", "cos", "cosh", "cumsum", "custom_gradient",
    "data", "debugging", "deferred", "device", "distribute", "divide", "double", "dtypes", "dynamic_partition",
    "dynamic_stitch", "eig", "eigvals", "einsum", "ensure_shape", "equal", "errors", "executing_eagerly", "exp",
    "expand_dims", "eye", "fill", "float16", "float32", "float64", "floor", "foldl", "foldr", "function", "gather",
    "gather_nd", "get_static_value", "greater", "greater_equal", "group", "half", "histogram_fixed_width",
    "histogram_fixed_width_bins", "identity", "identity_n", "image", "init_scope", "initializers", "int16", "int32",
    "int64", "int8", "io", "is_symbolic_tensor", "is_tensor", "jax_call", "keras", "less", "less_equal", "linalg",
    "linspace", "logical_and", "logical_not", "logical_or", "losses", "map_fn", "math", "matmul", "matrix_square_root",
    "maximum", "meshgrid", "metrics", "minimum", "multiply", "name_scope", "negative", "nest", "newaxis", "nn", "no_op",
    "norm", "not_equal", "numpy_function", "one_hot", "ones", "ones_initializer", "ones_like", "optimizers", "pad",
    "pow", "print", "profile", "profiler", "py_function", "random", "random_normal_initializer",
    "random_uniform_initializer", "range", "rank", "realdiv", "recompute_grad", "reduce_all", "reduce_any",
    "reduce_logsumexp", "reduce_max", "reduce_mean", "reduce_min", "reduce_prod", "reduce_sum", "repeat", "reshape",
    "reverse", "reverse_sequence", "roll", "round", "saturate_cast", "scalar_mul", "scan", "scatter_nd", "searchsorted",
    "sequence_mask", "shape", "shape_n", "sigmoid", "sign", "signal", "sin", "sinh", "size", "slice", "sort",
    "space_to_batch", "space_to_batch_nd", "split", "sqrt", "square", "squeeze", "stack", "stop_gradient",
    "strided_slice", "string", "strings", "subtract", "switch_case", "tan", "tanh", "tensor_scatter_nd_add",
    "tensor_scatter_nd_max", "tensor_scatter_nd_min", "tensor_scatter_nd_sub", "tensor_scatter_nd_update", "tensordot",
    "tile", "train", "transpose", "truediv", "truncatediv", "truncatemod", "type_spec_from_value", "uint16", "uint32",
    "uint64", "uint8", "unique", "unique_with_counts", "unravel_index", "unstack", "vectorized_map", "version", "where",
    "while_loop", "zeros", "zeros_initializer", "zeros_like",
]

missing.answer(__name__)
