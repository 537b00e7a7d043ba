"""`keras.ops.image`: images, [(batch,) height, width, channels] or channels first."""

from treadle.keras_like.core.registry import publish
from treadle.keras_like.images.color import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from treadle.keras_like.images.filters import elastic_transform, gaussian_blur
from treadle.keras_like.images.resizing import resize
from treadle.keras_like.images.sampling import affine_transform, map_coordinates, perspective_transform
from treadle.keras_like.ops.image import (
    crop_images,
    extract_patches,
    extract_patches_3d,
    pad_images,
    scale_and_translate,
    sobel_edges,
    ssim,
)

__all__ = [
    "affine_transform", "crop_images", "elastic_transform", "extract_patches", "extract_patches_3d", "gaussian_blur",
    "hsv_to_rgb", "map_coordinates", "pad_images", "perspective_transform", "resize", "rgb_to_grayscale",
    "rgb_to_hsv", "scale_and_translate", "sobel_edges", "ssim",
]

publish(__name__)
