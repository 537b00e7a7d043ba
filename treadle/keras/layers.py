"""`keras.layers`."""

from treadle.keras_like.core.deferred import make_input as Input
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.core.registry import publish
from treadle.keras_like.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from treadle.keras_like.layers.attention import AdditiveAttention, Attention
from treadle.keras_like.layers.batch_normalization import BatchNormalization
from treadle.keras_like.layers.bidirectional import Bidirectional
from treadle.keras_like.layers.borders import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from treadle.keras_like.layers.category_encoding import CategoryEncoding
from treadle.keras_like.layers.concatenate import Concatenate, concatenate
from treadle.keras_like.layers.conv_lstm import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from treadle.keras_like.layers.convolution import Conv1D, Conv2D, Conv3D
from treadle.keras_like.layers.convolution_by_channel import (
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from treadle.keras_like.layers.convolution_transpose import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
from treadle.keras_like.layers.dense import Dense
from treadle.keras_like.layers.discretization import Discretization
from treadle.keras_like.layers.dot import Dot, dot
from treadle.keras_like.layers.dropout import (
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from treadle.keras_like.layers.einsum_dense import EinsumDense
from treadle.keras_like.layers.embedding import Embedding
from treadle.keras_like.layers.foreign import TFSMLayer, TorchModuleWrapper
from treadle.keras_like.layers.group_normalization import GroupNormalization
from treadle.keras_like.layers.grouped_query_attention import GroupedQueryAttention
from treadle.keras_like.layers.grouped_query_attention import GroupedQueryAttention as GroupQueryAttention
from treadle.keras_like.layers.gru import GRU, GRUCell
from treadle.keras_like.layers.hashing import HashedCrossing, Hashing
from treadle.keras_like.layers.identity import ActivityRegularization, Identity, InputLayer, Lambda, Masking
from treadle.keras_like.layers.image.aug_mix import AugMix
from treadle.keras_like.layers.image.auto_contrast import AutoContrast
from treadle.keras_like.layers.image.center_crop import CenterCrop
from treadle.keras_like.layers.image.contrast_limited_adaptive_histogram_equalization import (
    ContrastLimitedAdaptiveHistogramEqualization,
)
from treadle.keras_like.layers.image.cut_mix import CutMix
from treadle.keras_like.layers.image.equalization import Equalization
from treadle.keras_like.layers.image.max_num_bounding_boxes import MaxNumBoundingBoxes
from treadle.keras_like.layers.image.mix_up import MixUp
from treadle.keras_like.layers.image.rand_augment import RandAugment
from treadle.keras_like.layers.image.random_brightness import RandomBrightness
from treadle.keras_like.layers.image.random_color_degeneration import RandomColorDegeneration
from treadle.keras_like.layers.image.random_color_jitter import RandomColorJitter
from treadle.keras_like.layers.image.random_contrast import RandomContrast
from treadle.keras_like.layers.image.random_crop import RandomCrop
from treadle.keras_like.layers.image.random_elastic_transform import RandomElasticTransform
from treadle.keras_like.layers.image.random_erasing import RandomErasing
from treadle.keras_like.layers.image.random_flip import RandomFlip
from treadle.keras_like.layers.image.random_gaussian_blur import RandomGaussianBlur
from treadle.keras_like.layers.image.random_grayscale import RandomGrayscale
from treadle.keras_like.layers.image.random_hue import RandomHue
from treadle.keras_like.layers.image.random_invert import RandomInvert
from treadle.keras_like.layers.image.random_perspective import RandomPerspective
from treadle.keras_like.layers.image.random_posterization import RandomPosterization
from treadle.keras_like.layers.image.random_rotation import RandomRotation
from treadle.keras_like.layers.image.random_saturation import RandomSaturation
from treadle.keras_like.layers.image.random_sharpness import RandomSharpness
from treadle.keras_like.layers.image.random_shear import RandomShear
from treadle.keras_like.layers.image.random_size import RandomHeight, RandomWidth
from treadle.keras_like.layers.image.random_translation import RandomTranslation
from treadle.keras_like.layers.image.random_zoom import RandomZoom
from treadle.keras_like.layers.image.resizing import Resizing
from treadle.keras_like.layers.image.solarization import Solarization
from treadle.keras_like.layers.integer_lookup import IntegerLookup
from treadle.keras_like.layers.layer_normalization import LayerNormalization
from treadle.keras_like.layers.lookup import deserialize, serialize
from treadle.keras_like.layers.lstm import LSTM, LSTMCell
from treadle.keras_like.layers.mel_spectrogram import MelSpectrogram
from treadle.keras_like.layers.merging import (
    Add,
    Average,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    maximum,
    minimum,
    multiply,
    subtract,
)
from treadle.keras_like.layers.multi_head_attention import MultiHeadAttention
from treadle.keras_like.layers.normalization import Normalization
from treadle.keras_like.layers.pipeline import Pipeline
from treadle.keras_like.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from treadle.keras_like.layers.pooling_adaptive import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
)
from treadle.keras_like.layers.pooling_global import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
)
from treadle.keras_like.layers.rescaling import Rescaling
from treadle.keras_like.layers.reshaping import Flatten, Permute, RepeatVector, Reshape
from treadle.keras_like.layers.reversible_embedding import ReversibleEmbedding
from treadle.keras_like.layers.rnn import RNN
from treadle.keras_like.layers.simple_rnn import SimpleRNN, SimpleRNNCell
from treadle.keras_like.layers.spectral_normalization import SpectralNormalization
from treadle.keras_like.layers.stacked_rnn_cells import StackedRNNCells
from treadle.keras_like.layers.stft_spectrogram import STFTSpectrogram
from treadle.keras_like.layers.string_lookup import StringLookup
from treadle.keras_like.layers.text_vectorization import TextVectorization
from treadle.keras_like.layers.time_distributed import TimeDistributed
from treadle.keras_like.layers.unit_normalization import RMSNormalization, UnitNormalization
from treadle.keras_like.layers.up_sampling import UpSampling1D, UpSampling2D, UpSampling3D
from treadle.keras_like.layers.wrapper import Wrapper

# Other names of the same classes.
Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
Convolution1DTranspose, Convolution2DTranspose, Convolution3DTranspose = Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
SeparableConvolution1D, SeparableConvolution2D, AvgPool1D = SeparableConv1D, SeparableConv2D, AveragePooling1D
MaxPool1D, GlobalAvgPool1D, GlobalMaxPool1D = MaxPooling1D, GlobalAveragePooling1D, GlobalMaxPooling1D
AvgPool2D, MaxPool2D, GlobalAvgPool2D = AveragePooling2D, MaxPooling2D, GlobalAveragePooling2D
GlobalMaxPool2D, AvgPool3D, MaxPool3D = GlobalMaxPooling2D, AveragePooling3D, MaxPooling3D
GlobalAvgPool3D, GlobalMaxPool3D = GlobalAveragePooling3D, GlobalMaxPooling3D

__all__ = [
    "Activation", "ActivityRegularization", "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D", "Add",
    "AdditiveAttention", "AlphaDropout", "Attention", "AugMix", "AutoContrast", "Average", "AveragePooling1D",
    "AveragePooling2D", "AveragePooling3D", "AvgPool1D", "AvgPool2D", "AvgPool3D", "BatchNormalization",
    "Bidirectional", "CategoryEncoding", "CenterCrop", "Concatenate", "ContrastLimitedAdaptiveHistogramEqualization",
    "Conv1D", "Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "ConvLSTM1D", "ConvLSTM2D",
    "ConvLSTM3D", "Convolution1D", "Convolution1DTranspose", "Convolution2D", "Convolution2DTranspose", "Convolution3D",
    "Convolution3DTranspose", "Cropping1D", "Cropping2D", "Cropping3D", "CutMix", "Dense", "DepthwiseConv1D",
    "DepthwiseConv2D", "Discretization", "Dot", "Dropout", "ELU", "EinsumDense", "Embedding", "Equalization", "Flatten",
    "GRU", "GRUCell", "GaussianDropout", "GaussianNoise", "GlobalAveragePooling1D", "GlobalAveragePooling2D",
    "GlobalAveragePooling3D", "GlobalAvgPool1D", "GlobalAvgPool2D", "GlobalAvgPool3D", "GlobalMaxPool1D",
    "GlobalMaxPool2D", "GlobalMaxPool3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D",
    "GroupNormalization", "GroupQueryAttention", "GroupedQueryAttention", "HashedCrossing", "Hashing", "Identity",
    "Input", "InputLayer", "InputSpec", "IntegerLookup", "LSTM", "LSTMCell", "Lambda", "Layer", "LayerNormalization",
    "LeakyReLU", "Masking", "MaxNumBoundingBoxes", "MaxPool1D", "MaxPool2D", "MaxPool3D", "MaxPooling1D",
    "MaxPooling2D", "MaxPooling3D", "Maximum", "MelSpectrogram", "Minimum", "MixUp", "MultiHeadAttention", "Multiply",
    "Normalization", "PReLU", "Permute", "Pipeline", "RMSNormalization", "RNN", "RandAugment", "RandomBrightness",
    "RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomCrop", "RandomElasticTransform",
    "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHeight", "RandomHue", "RandomInvert",
    "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear",
    "RandomTranslation", "RandomWidth", "RandomZoom", "ReLU", "RepeatVector", "Rescaling", "Reshape", "Resizing",
    "ReversibleEmbedding", "STFTSpectrogram", "SeparableConv1D", "SeparableConv2D", "SeparableConvolution1D",
    "SeparableConvolution2D", "SimpleRNN", "SimpleRNNCell", "Softmax", "Solarization", "SpatialDropout1D",
    "SpatialDropout2D", "SpatialDropout3D", "SpectralNormalization", "StackedRNNCells", "StringLookup", "Subtract",
    "TFSMLayer", "TextVectorization", "TimeDistributed", "TorchModuleWrapper", "UnitNormalization", "UpSampling1D",
    "UpSampling2D", "UpSampling3D", "Wrapper", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "add", "average",
    "concatenate", "deserialize", "dot", "maximum", "minimum", "multiply", "serialize", "subtract",
]

publish(__name__)
