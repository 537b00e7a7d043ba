"""`tf.nn`: functions that neural networks are made of."""

from treadle.ir.ops.activations import elu, leaky_relu, log_softmax, relu, relu6, softmax
from treadle.ir.ops.elementary import sigmoid, softplus, softsign, tanh
from treadle.ir.ops.losses import sigmoid_cross_entropy_with_logits, sparse_softmax_cross_entropy_with_logits
from treadle.runtime.composites.activations import crelu, gelu, selu, silu
from treadle.runtime.composites.blocks import (
    batch_to_space, bias_add, depth_to_space, embedding_lookup, space_to_batch, space_to_depth,
)
from treadle.runtime.composites.convolution import (
    atrous_conv2d, atrous_conv2d_transpose, conv1d, conv1d_transpose, conv2d, conv2d_transpose, conv3d,
    conv3d_transpose, conv_transpose, convolution, depthwise_conv2d, separable_conv2d,
)
from treadle.runtime.composites.losses import (
    compute_average_loss, l2_loss, log_poisson_loss, scale_regularization_loss, softmax_cross_entropy_with_logits,
    weighted_cross_entropy_with_logits, zero_fraction,
)
from treadle.runtime.composites.normalization import (
    batch_norm_with_global_normalization, batch_normalization, dropout, local_response_normalization, moments,
    normalize_moments, stateless_dropout, sufficient_statistics, weighted_moments,
)
from treadle.runtime.composites.pooling import (
    avg_pool, avg_pool1d, avg_pool2d, avg_pool3d, max_pool, max_pool1d, max_pool2d, max_pool3d, max_pool_with_argmax,
    pool,
)
