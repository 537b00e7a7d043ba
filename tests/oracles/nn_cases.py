"""Calls of `tf.nn`, `tf.linalg` and `tf.signal` whose values and gradients are recorded from real TensorFlow
(`make_nn.py`) and compared with treadle's (`test_nn.py`).

Each case is a function of the module under the name `tf` and of tensors made from arrays drawn with a fixed seed.
"""

import numpy as np

CASES = {}


def case(name, function, *shapes, low=None, high=None, integers=None):
    """Add a case: `function(tf, *tensors)`, with normal numbers of the given shapes, or uniform or integer ones."""
    CASES[name] = (function, shapes, low, high, integers)


def inputs(name):
    """The case's arrays."""
    _, shapes, low, high, integers = CASES[name]
    random = np.random.default_rng(len(name) * 1009 + sum(map(ord, name)))
    drawn = []
    for i, shape in enumerate(shapes):
        if integers is not None and i in integers:
            drawn.append(random.integers(0, integers[i], shape).astype(np.int32))
        elif low is not None:
            drawn.append(random.uniform(low, high, shape).astype(np.float32))
        else:
            drawn.append(random.normal(size=shape).astype(np.float32))
    return drawn


def run(tf, name):
    """The results of a case and the gradients of their weighted sum, as a list of arrays; None where unconnected."""
    function = CASES[name][0]
    tensors = [tf.constant(a) for a in inputs(name)]
    floats = [t for t in tensors if t.dtype.is_floating]
    with tf.GradientTape() as tape:
        for t in floats:
            tape.watch(t)
        results = function(tf, *tensors)
        results = list(results) if isinstance(results, (list, tuple)) else [results]
        total = 0.0
        for result in results:
            if result.dtype.is_floating:
                count = int(np.prod(result.shape))
                weights = np.cos(np.arange(count, dtype=np.float32)).reshape(result.shape)
                total = total + tf.reduce_sum(result * tf.constant(weights, result.dtype))
    gradients = tape.gradient(total, floats) if floats and not isinstance(total, float) else []
    return [np.asarray(r) for r in results], [
        None if g is None else np.asarray(tf.convert_to_tensor(g)) for g in gradients]


# --- activations ----------------------------------------------------------------------------------------------------

for _name in ("relu", "relu6", "elu", "selu", "leaky_relu", "gelu", "silu", "softplus", "softsign", "sigmoid", "tanh",
              "softmax", "log_softmax", "crelu", "l2_loss", "zero_fraction"):
    case(_name, lambda tf, x, f=_name: getattr(tf.nn, f)(x), (3, 4))
case("gelu_approximate", lambda tf, x: tf.nn.gelu(x, approximate=True), (3, 4))
case("leaky_relu_alpha", lambda tf, x: tf.nn.leaky_relu(x, alpha=0.3), (3, 4))
case("silu_beta", lambda tf, x: tf.nn.silu(x, beta=1.7), (3, 4))
case("softmax_axis", lambda tf, x: tf.nn.softmax(x, axis=0), (3, 4))
case("log_sigmoid", lambda tf, x: tf.math.log_sigmoid(x * 20.0), (3, 4))
for _name in ("relu", "relu6", "elu", "selu", "leaky_relu", "softplus", "softsign"):
    case(f"{_name}_at_zero", lambda tf, x, f=_name: getattr(tf.nn, f)(x * 0.0), (3,))

# --- losses ---------------------------------------------------------------------------------------------------------

case("softmax_xent", lambda tf, z, x: tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(z), x), (3, 4), (3, 4))
case("softmax_xent_axis", lambda tf, z, x: tf.nn.softmax_cross_entropy_with_logits(
    labels=tf.nn.softmax(z, axis=1), logits=x, axis=1), (2, 3, 4), (2, 3, 4))
case("softmax_xent_large", lambda tf, x: tf.nn.softmax_cross_entropy_with_logits(
    tf.constant([[0.0, 1.0, 0.0]]), x * 1e4), (1, 3))
case("softmax_xent_half", lambda tf, x: tf.nn.softmax_cross_entropy_with_logits(
    tf.constant([[0.0, 1.0, 0.0]], tf.float16), tf.cast(x, tf.float16)), (1, 3))
case("sparse_xent", lambda tf, z, x: tf.nn.sparse_softmax_cross_entropy_with_logits(z, x), (2, 3), (2, 3, 5),
     integers={0: 5})
case("sigmoid_xent", lambda tf, z, x: tf.nn.sigmoid_cross_entropy_with_logits(tf.sigmoid(z), x * 30.0), (3, 4), (3, 4))
case("sigmoid_xent_zero", lambda tf, x: tf.nn.sigmoid_cross_entropy_with_logits(
    labels=tf.ones([3]), logits=x * 0.0), (3,))
case("weighted_xent", lambda tf, z, x: tf.nn.weighted_cross_entropy_with_logits(tf.sigmoid(z), x, 2.5), (3, 4), (3, 4))
case("log_poisson", lambda tf, z, c: tf.nn.log_poisson_loss(z, c), (5,), (5,), low=0.1, high=3.0)
case("log_poisson_full", lambda tf, z, c: tf.nn.log_poisson_loss(z, c, compute_full_loss=True), (5,), (5,), low=0.1,
     high=3.0)
case("average_loss", lambda tf, x: tf.nn.compute_average_loss(x, sample_weight=tf.constant([1.0, 2.0, 3.0]),
                                                               global_batch_size=6), (3,))

# --- normalization --------------------------------------------------------------------------------------------------

case("moments", lambda tf, x: tf.nn.moments(x, [0, 2]), (3, 4, 2))
case("moments_keepdims", lambda tf, x: tf.nn.moments(x, [-1], keepdims=True), (3, 4))
case("weighted_moments", lambda tf, x, w: tf.nn.weighted_moments(x, [0], tf.sigmoid(w)), (3, 4), (3, 4))
case("weighted_moments_broadcast", lambda tf, x, w: tf.nn.weighted_moments(x, [0, 1], tf.sigmoid(w), keepdims=True),
     (3, 4), (3, 1))
case("sufficient_statistics", lambda tf, x: tf.nn.normalize_moments(
    *tf.nn.sufficient_statistics(x, [0], shift=tf.constant(0.5))), (3, 4))
case("batch_normalization", lambda tf, x, m, v, b, s: tf.nn.batch_normalization(x, m, v * v, b, s, 1e-3), (3, 4), (4,),
     (4,), (4,), (4,))
case("lrn", lambda tf, x: tf.nn.local_response_normalization(x, 2, bias=1.2, alpha=0.3, beta=0.7), (1, 2, 2, 6))
case("l2_normalize", lambda tf, x: tf.math.l2_normalize(x, axis=1), (3, 4))
case("bias_add", lambda tf, x, b: tf.nn.bias_add(x, b), (2, 3, 4), (4,))

# --- convolution ----------------------------------------------------------------------------------------------------

for _padding in ("SAME", "VALID"):
    for _stride in (1, 2, 3):
        case(f"conv2d_{_padding}_{_stride}", lambda tf, x, w, p=_padding, s=_stride: tf.nn.conv2d(x, w, s, p),
             (2, 7, 6, 3), (3, 2, 3, 4))
        case(f"max_pool_{_padding}_{_stride}", lambda tf, x, p=_padding, s=_stride: tf.nn.max_pool2d(x, [3, 2], s, p),
             (2, 7, 6, 3))
        case(f"avg_pool_{_padding}_{_stride}", lambda tf, x, p=_padding, s=_stride: tf.nn.avg_pool2d(x, [3, 2], s, p),
             (2, 7, 6, 3))
        case(f"depthwise_{_padding}_{_stride}",
             lambda tf, x, w, p=_padding, s=_stride: tf.nn.depthwise_conv2d(x, w, [1, s, s, 1], p), (2, 7, 6, 3),
             (3, 2, 3, 2))
    case(f"conv2d_dilated_{_padding}", lambda tf, x, w, p=_padding: tf.nn.conv2d(x, w, 1, p, dilations=[2, 1]),
         (2, 7, 6, 3), (3, 2, 3, 4))
    case(f"conv1d_{_padding}", lambda tf, x, w, p=_padding: tf.nn.conv1d(x, w, 2, p), (2, 9, 3), (4, 3, 2))
    case(f"conv3d_{_padding}", lambda tf, x, w, p=_padding: tf.nn.conv3d(x, w, [1, 1, 2, 1, 1], p), (1, 4, 5, 3, 2),
         (2, 3, 2, 2, 2))
    case(f"separable_{_padding}", lambda tf, x, d, q, p=_padding: tf.nn.separable_conv2d(x, d, q, [1, 1, 1, 1], p),
         (1, 5, 5, 2), (3, 3, 2, 2), (1, 1, 4, 3))
    case(f"atrous_{_padding}", lambda tf, x, w, p=_padding: tf.nn.atrous_conv2d(x, w, 2, p), (1, 7, 7, 2), (3, 3, 2, 2))
case("conv2d_explicit", lambda tf, x, w: tf.nn.conv2d(x, w, [1, 2, 1, 1], [[0, 0], [1, 2], [0, 3], [0, 0]]),
     (2, 5, 5, 2), (3, 3, 2, 2))
case("conv2d_groups", lambda tf, x, w: tf.nn.conv2d(x, w, 1, "SAME"), (1, 5, 5, 4), (3, 3, 2, 6))
case("conv2d_more_batch_axes", lambda tf, x, w: tf.nn.conv2d(x, w, 1, "VALID"), (2, 3, 4, 4, 2), (2, 2, 2, 3))
case("convolution", lambda tf, x, w: tf.nn.convolution(x, w, strides=2, padding="SAME"), (2, 5, 5, 2), (3, 3, 2, 2))
case("conv2d_transpose_same", lambda tf, x, w: tf.nn.conv2d_transpose(x, w, [2, 6, 5, 4], 2, "SAME"), (2, 3, 3, 2),
     (3, 3, 4, 2))
case("conv2d_transpose_valid", lambda tf, x, w: tf.nn.conv2d_transpose(x, w, [2, 7, 8, 4], 2, "VALID"), (2, 3, 3, 2),
     (3, 3, 4, 2))
case("conv1d_transpose", lambda tf, x, w: tf.nn.conv1d_transpose(x, w, [2, 8, 4], 2), (2, 4, 2), (3, 4, 2))
case("conv3d_transpose", lambda tf, x, w: tf.nn.conv3d_transpose(x, w, [1, 4, 4, 2, 2], [2, 2, 1]), (1, 2, 2, 2, 2),
     (2, 2, 2, 2, 2))

# --- pooling and blocks ---------------------------------------------------------------------------------------------

case("max_pool_ties", lambda tf, x: tf.nn.max_pool2d(tf.round(x), 3, 2, "SAME"), (1, 6, 6, 2))
case("max_pool_explicit", lambda tf, x: tf.nn.max_pool2d(x, 2, 2, [[0, 0], [1, 0], [0, 1], [0, 0]]), (1, 5, 5, 2))
case("max_pool1d", lambda tf, x: tf.nn.max_pool1d(x, 3, 2, "SAME"), (2, 7, 3))
case("max_pool3d", lambda tf, x: tf.nn.max_pool3d(x, 2, 2, "SAME"), (1, 3, 4, 5, 2))
case("avg_pool1d", lambda tf, x: tf.nn.avg_pool1d(x, 3, 2, "SAME"), (2, 7, 3))
case("avg_pool3d", lambda tf, x: tf.nn.avg_pool3d(x, 2, 2, "VALID"), (1, 3, 4, 5, 2))
case("pool_dilated", lambda tf, x: tf.nn.pool(x, [2, 2], "MAX", strides=[1, 1], dilations=[2, 1]), (1, 5, 5, 2))
case("max_pool_argmax", lambda tf, x: tf.nn.max_pool_with_argmax(x, [2, 2], [2, 1], "VALID"), (2, 5, 4, 3))
case("max_pool_argmax_batch", lambda tf, x: tf.nn.max_pool_with_argmax(
    x, [2, 2], [2, 1], "SAME", include_batch_in_index=True), (2, 5, 4, 3))
case("depth_to_space", lambda tf, x: tf.nn.depth_to_space(x, 2), (2, 3, 2, 8))
case("space_to_depth", lambda tf, x: tf.nn.space_to_depth(x, 2), (2, 4, 6, 3))
case("space_to_batch", lambda tf, x: tf.nn.space_to_batch(x, [2, 3], [[0, 1], [2, 1]]), (2, 3, 3, 2))
case("batch_to_space", lambda tf, x: tf.batch_to_space(x, [2, 3], [[0, 1], [2, 1]]), (6, 3, 3, 2))
case("embedding", lambda tf, i, p: tf.nn.embedding_lookup(p, i), (2, 3), (5, 4), integers={0: 5})
case("embedding_max_norm", lambda tf, i, p: tf.nn.embedding_lookup(p, i, max_norm=1.5), (2, 3), (5, 4), integers={0: 5})

# --- linear algebra -------------------------------------------------------------------------------------------------


def _positive(tf, x):
    return tf.matmul(x, x, transpose_b=True) + 2.0 * tf.eye(3)


case("matmul", lambda tf, a, b: tf.matmul(a, b, transpose_a=True, adjoint_b=True), (2, 3, 2), (4, 3))
case("matmul_broadcast", lambda tf, a, b: tf.matmul(a, b), (2, 1, 3, 2), (4, 2, 3))
case("matvec", lambda tf, a, b: tf.linalg.matvec(a, b, transpose_a=True), (2, 3, 2), (2, 3))
case("tensordot", lambda tf, a, b: tf.tensordot(a, b, [[0, 2], [1, 0]]), (2, 3, 4), (4, 2, 5))
case("tensordot_outer", lambda tf, a, b: tf.tensordot(a, b, 0), (2, 3), (4,))
case("einsum_implicit", lambda tf, a, b: tf.einsum("ba,cb", a, b), (2, 3), (4, 2))
case("einsum_ellipsis", lambda tf, a, b: tf.einsum("...ij,jk->...ik", a, b), (2, 4, 3, 2), (2, 5))
case("einsum_broadcast", lambda tf, a, b: tf.einsum("b...i,...i->b...", a, b), (2, 4, 3), (4, 3))
case("einsum_diagonal", lambda tf, a: tf.einsum("iij->ij", a), (3, 3, 2))
case("einsum_trace", lambda tf, a: tf.einsum("ii->", a), (3, 3))
case("cholesky", lambda tf, x: tf.linalg.cholesky(_positive(tf, x)), (2, 3, 3))
case("cholesky_solve", lambda tf, x, b: tf.linalg.cholesky_solve(tf.linalg.cholesky(_positive(tf, x)), b), (2, 3, 3),
     (2, 3, 2))
case("logdet", lambda tf, x: tf.linalg.logdet(_positive(tf, x)), (2, 3, 3))
case("slogdet", lambda tf, x: tf.linalg.slogdet(x)[1], (2, 3, 3))
case("det", lambda tf, x: tf.linalg.det(x), (2, 3, 3))
case("inv", lambda tf, x: tf.linalg.inv(_positive(tf, x)), (2, 3, 3))
case("solve", lambda tf, a, b: tf.linalg.solve(_positive(tf, a), b), (3, 3), (3, 2))
case("triangular_solve", lambda tf, a, b: tf.linalg.triangular_solve(_positive(tf, a), b, lower=False, adjoint=True),
     (3, 3), (3, 2))
case("lstsq", lambda tf, a, b: tf.linalg.lstsq(a, b, l2_regularizer=0.5), (5, 3), (5, 2))
case("lstsq_wide", lambda tf, a, b: tf.linalg.lstsq(a, b, l2_regularizer=0.5), (2, 4), (2, 2))
case("pinv", lambda tf, a: tf.linalg.pinv(a), (4, 3))
case("svd_values", lambda tf, a: tf.linalg.svd(a, compute_uv=False), (4, 3))
case("svd_reconstruct", lambda tf, a: [tf.linalg.svd(a)[0], tf.matmul(*[abs(x) for x in tf.linalg.svd(a)[1:]],
                                                                       transpose_b=True)], (3, 3))
case("eigh", lambda tf, x: [tf.linalg.eigh(_positive(tf, x))[0], abs(tf.linalg.eigh(_positive(tf, x))[1])], (3, 3))
case("eigvalsh", lambda tf, x: tf.linalg.eigvalsh(_positive(tf, x)), (2, 3, 3))
case("qr", lambda tf, x: [abs(part) for part in tf.linalg.qr(x)], (2, 4, 3))
case("lu", lambda tf, x: list(tf.linalg.lu(tf.stop_gradient(x))), (2, 3, 3))
case("norm", lambda tf, x: [tf.norm(x), tf.norm(x, 1, axis=0), tf.norm(x, 3, axis=1, keepdims=True),
                            tf.norm(x, np.inf, axis=1), tf.norm(x, "fro", axis=[0, 1]), tf.norm(x, 1, axis=[0, 1]),
                            tf.norm(x, np.inf, axis=[0, 1])], (3, 4))
case("normalize", lambda tf, x: tf.linalg.normalize(x, axis=1), (3, 4))
case("global_norm", lambda tf, x, y: tf.linalg.global_norm([x, None, y]), (3, 4), (2,))
case("cross", lambda tf, a, b: tf.linalg.cross(a, b), (2, 3), (2, 3))
case("band_part", lambda tf, x: tf.linalg.band_part(x, 1, 0), (3, 4))
for _k in (0, 1, -1):
    case(f"diag_{_k}", lambda tf, x, k=_k: tf.linalg.diag(x, k=k), (2, 3))
    case(f"diag_part_{_k}", lambda tf, x, k=_k: tf.linalg.diag_part(x, k=k), (2, 3, 4))
    case(f"set_diag_{_k}", lambda tf, x, d, k=_k: tf.linalg.set_diag(x, d[:, :3 - (k < 0)], k=k), (2, 3, 4), (2, 3))
case("diag_sized", lambda tf, x: tf.linalg.diag(x, num_rows=3, num_cols=5, padding_value=7), (2, 3))
case("diag_rows", lambda tf, x: tf.linalg.diag(x, k=1, num_rows=5), (3,))
case("trace", lambda tf, x: tf.linalg.trace(x), (2, 3, 4))
case("tensor_diag", lambda tf, x: tf.linalg.tensor_diag(x), (2, 3))
case("tensor_diag_part", lambda tf, x: tf.linalg.tensor_diag_part(x), (2, 3, 2, 3))
case("matrix_rank", lambda tf, x: tf.linalg.matrix_rank(tf.matmul(x, x, transpose_b=True)), (4, 2))

# --- signals --------------------------------------------------------------------------------------------------------


def _parts(tf, x):
    return [tf.math.real(x), tf.math.imag(x)]


case("fft", lambda tf, a, b: _parts(tf, tf.signal.fft(tf.complex(a, b))), (2, 5), (2, 5))
case("ifft2d", lambda tf, a, b: _parts(tf, tf.signal.ifft2d(tf.complex(a, b))), (2, 4, 3), (2, 4, 3))
case("fft3d", lambda tf, a, b: _parts(tf, tf.signal.fft3d(tf.complex(a, b))), (2, 2, 3), (2, 2, 3))
case("rfft_even", lambda tf, x: _parts(tf, tf.signal.rfft(x)), (2, 6))
case("rfft_odd", lambda tf, x: _parts(tf, tf.signal.rfft(x)), (2, 5))
case("rfft_padded", lambda tf, x: _parts(tf, tf.signal.rfft(tf.stop_gradient(x), [8])), (2, 5))
case("rfft_cut", lambda tf, x: _parts(tf, tf.signal.rfft(tf.stop_gradient(x), [4])), (2, 5))
case("rfft2d", lambda tf, x: _parts(tf, tf.signal.rfft2d(x)), (2, 4, 6))
case("irfft", lambda tf, a, b: tf.signal.irfft(tf.complex(a, b)), (2, 4), (2, 4))
case("irfft_odd", lambda tf, a, b: tf.signal.irfft(tf.complex(a, b), [7]), (2, 4), (2, 4))
case("irfft2d", lambda tf, a, b: tf.signal.irfft2d(tf.complex(a, b)), (2, 4, 4), (2, 4, 4))
case("fftshift", lambda tf, x: [tf.signal.fftshift(x, [1]), tf.signal.ifftshift(x, [1])], (2, 5))
for _type in (1, 2, 3, 4):
    case(f"dct_{_type}", lambda tf, x, t=_type: [tf.signal.dct(x, t), tf.signal.idct(x, t)], (2, 5))
    if _type > 1:
        case(f"dct_{_type}_ortho", lambda tf, x, t=_type: [tf.signal.dct(x, t, norm="ortho"),
                                                           tf.signal.idct(x, t, norm="ortho")], (2, 5))
case("windows", lambda tf: [f(n) for n in (1, 2, 5, 8) for f in (tf.signal.hann_window, tf.signal.hamming_window)] + [
    tf.signal.hann_window(6, periodic=False), tf.signal.vorbis_window(8), tf.signal.kaiser_window(7)])
case("frame", lambda tf, x: tf.signal.frame(x, 4, 3), (2, 12))
case("frame_pad", lambda tf, x: tf.signal.frame(x, 5, 3, pad_end=True, pad_value=2), (2, 11))
case("overlap_and_add", lambda tf, x: tf.signal.overlap_and_add(x, 3), (2, 4, 5))
case("stft", lambda tf, x: _parts(tf, tf.signal.stft(x, 6, 3)), (2, 20))
case("stft_round_trip", lambda tf, x: tf.signal.inverse_stft(
    tf.signal.stft(x, 8, 4), 8, 4, window_fn=tf.signal.inverse_stft_window_fn(4)), (2, 24))
case("mel", lambda tf: tf.signal.linear_to_mel_weight_matrix(6, 17, 8000))
case("mfcc", lambda tf, x: tf.signal.mfccs_from_log_mel_spectrograms(x), (3, 5))
