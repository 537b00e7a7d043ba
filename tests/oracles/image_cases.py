"""Calls of `tf.image` whose values and gradients are recorded from real TensorFlow (`make_image.py`) and compared with
treadle's (`test_image.py`). As `nn_cases.py`, with arrays of numbers from 0 to 1, or of integers where a case says so.
"""

import numpy as np

CASES = {}


def case(name, function, *shapes, dtype=np.float32, high=256):
    """Add a case: `function(tf, *tensors)`."""
    CASES[name] = (function, shapes, dtype, high)


def inputs(name):
    """The case's arrays."""
    _, shapes, dtype, high = CASES[name]
    random = np.random.default_rng(len(name) * 1009 + sum(map(ord, name)))
    if np.dtype(dtype).kind == "f":
        return [random.uniform(0.05, 0.95, shape).astype(dtype) for shape in shapes]
    return [random.integers(0, high, shape).astype(dtype) for shape in shapes]


def run(tf, name):
    """The results of a case and the gradients of their weighted sum, as lists of arrays; None where unconnected."""
    tensors = [tf.constant(a) for a in inputs(name)]
    floats = [t for t in tensors if t.dtype.is_floating]
    with tf.GradientTape() as tape:
        for t in floats:
            tape.watch(t)
        results = CASES[name][0](tf, *tensors)
        results = list(results) if isinstance(results, (list, tuple)) else [results]
        total = 0.0
        for result in results:
            if result.dtype.is_floating:
                weights = np.cos(np.arange(int(np.prod(result.shape)), dtype=np.float32)).reshape(result.shape)
                total = total + tf.reduce_sum(result * tf.constant(weights, result.dtype))
    try:
        gradients = tape.gradient(total, floats) if floats and not isinstance(total, float) else []
    except LookupError:  # some of TensorFlow's kernels have none
        gradients = [None] * len(floats)
    return [np.asarray(r) for r in results], [
        None if g is None else np.asarray(tf.convert_to_tensor(g)) for g in gradients]


IMAGES, IMAGE = (2, 5, 6, 3), (4, 7, 3)

# --- sizes ----------------------------------------------------------------------------------------------------------

for _method in ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"):
    case(f"resize_up_{_method}", lambda tf, x, m=_method: tf.image.resize(x, [9, 11], m), IMAGES)
    case(f"resize_down_{_method}", lambda tf, x, m=_method: tf.image.resize(x, (3, 4), method=m), IMAGE)
    case(f"resize_antialias_{_method}", lambda tf, x, m=_method: tf.image.resize(x, [3, 9], m, antialias=True), IMAGES)
case("resize_uint8", lambda tf, x: tf.image.resize(x, [3, 9]), IMAGES, dtype=np.uint8)
case("resize_uint8_nearest", lambda tf, x: tf.image.resize(x, [3, 9], "nearest"), IMAGES, dtype=np.uint8)
case("resize_uint8_area", lambda tf, x: tf.image.resize(x, [3, 9], tf.image.ResizeMethod.AREA), IMAGES, dtype=np.uint8)
case("resize_same", lambda tf, x: tf.image.resize(x, [5, 6]), IMAGES, dtype=np.uint8)
case("resize_ratio", lambda tf, x: tf.image.resize(x, [9, 9], preserve_aspect_ratio=True), IMAGES)
case("resize_ratio_down", lambda tf, x: tf.image.resize(x, [3, 30], preserve_aspect_ratio=True), IMAGE)
case("resize_half", lambda tf, x: tf.image.resize(x, [3, 3]), IMAGE, dtype=np.float16)
case("resize_with_pad", lambda tf, x: tf.image.resize_with_pad(x, 9, 9), IMAGES)
case("resize_with_pad_wide", lambda tf, x: tf.image.resize_with_pad(x, 4, 12, "nearest"), IMAGE)
case("resize_with_pad_antialias", lambda tf, x: tf.image.resize_with_pad(x, 3, 5, antialias=True), IMAGES)
case("crop_or_pad_crop", lambda tf, x: tf.image.resize_with_crop_or_pad(x, 3, 4), IMAGES)
case("crop_or_pad_pad", lambda tf, x: tf.image.resize_with_crop_or_pad(x, 9, 8), IMAGES)
case("crop_or_pad_both", lambda tf, x: tf.image.resize_with_crop_or_pad(x, 2, 11), IMAGE)
case("crop", lambda tf, x: tf.image.crop_to_bounding_box(x, 1, 2, 3, 4), IMAGES)
case("crop_one", lambda tf, x: tf.image.crop_to_bounding_box(x, 0, 2, 4, 5), IMAGE)
case("pad", lambda tf, x: tf.image.pad_to_bounding_box(x, 1, 2, 9, 9), IMAGES)
case("pad_one", lambda tf, x: tf.image.pad_to_bounding_box(x, 0, 1, 6, 9), IMAGE)
case("central_crop", lambda tf, x: tf.image.central_crop(x, 0.5), IMAGES)
case("central_crop_third", lambda tf, x: tf.image.central_crop(x, 0.34), IMAGE)
_BOXES = [[0.0, 0.0, 1.0, 1.0], [0.2, 0.7, 0.9, 0.1], [-0.3, 0.4, 0.5, 1.4]]
case("crop_and_resize", lambda tf, x: tf.image.crop_and_resize(x, _BOXES, [0, 1, 0], [4, 5]), IMAGES)
case("crop_and_resize_one", lambda tf, x: tf.image.crop_and_resize(x, _BOXES, [1, 1, 0], [1, 3], extrapolation_value=7.0),
     IMAGES)
case("crop_and_resize_nearest", lambda tf, x: tf.image.crop_and_resize(x, _BOXES, [0, 1, 0], [3, 4], "nearest"), IMAGES)

# --- places ---------------------------------------------------------------------------------------------------------

for _name in ("flip_left_right", "flip_up_down", "transpose", "rot90"):
    case(_name, lambda tf, x, f=_name: getattr(tf.image, f)(x), IMAGES)
    case(f"{_name}_one", lambda tf, x, f=_name: getattr(tf.image, f)(x), IMAGE)
for _k in (0, 2, 3, -1):
    case(f"rot90_{_k}", lambda tf, x, k=_k: tf.image.rot90(x, k), IMAGES)
for _padding in ("VALID", "SAME"):
    case(f"patches_{_padding}", lambda tf, x, p=_padding: tf.image.extract_patches(
        x, [1, 2, 3, 1], [1, 2, 2, 1], [1, 1, 1, 1], p), IMAGES)
    case(f"patches_dilated_{_padding}", lambda tf, x, p=_padding: tf.image.extract_patches(
        images=x, sizes=[1, 3, 2, 1], strides=[1, 1, 3, 1], rates=[1, 2, 2, 1], padding=p), IMAGES)

# --- colours --------------------------------------------------------------------------------------------------------

for _name in ("rgb_to_grayscale", "rgb_to_hsv", "hsv_to_rgb", "rgb_to_yiq", "yiq_to_rgb", "rgb_to_yuv", "yuv_to_rgb"):
    case(_name, lambda tf, x, f=_name: getattr(tf.image, f)(x), IMAGES)
case("grayscale_to_rgb", lambda tf, x: tf.image.grayscale_to_rgb(x), (2, 3, 4, 1))
case("gray_uint8", lambda tf, x: tf.image.rgb_to_grayscale(x), IMAGES, dtype=np.uint8)
case("hsv_of_grays", lambda tf, x: tf.image.rgb_to_hsv(tf.stack([x, x, x * 0.0 + 0.5], axis=-1)), (3, 4))
case("brightness", lambda tf, x: tf.image.adjust_brightness(x, 0.3), IMAGES)
case("brightness_uint8", lambda tf, x: tf.image.adjust_brightness(x, -0.3), IMAGES, dtype=np.uint8)
case("contrast", lambda tf, x: tf.image.adjust_contrast(x, 1.7), IMAGES)
case("contrast_uint8", lambda tf, x: tf.image.adjust_contrast(x, 2.0), IMAGE, dtype=np.uint8)
case("gamma", lambda tf, x: tf.image.adjust_gamma(x, 1.4, 0.9), IMAGES)
case("gamma_uint8", lambda tf, x: tf.image.adjust_gamma(x, 0.4), IMAGES, dtype=np.uint8)
case("saturation", lambda tf, x: tf.stop_gradient(tf.image.adjust_saturation(x, 1.5)), IMAGES)
case("saturation_uint8", lambda tf, x: tf.image.adjust_saturation(x, 0.4), IMAGES, dtype=np.uint8)
case("hue", lambda tf, x: tf.stop_gradient(tf.image.adjust_hue(x, 0.2)), IMAGES)
case("hue_back", lambda tf, x: tf.stop_gradient(tf.image.adjust_hue(x, -0.45)), IMAGES)
case("standardization", lambda tf, x: tf.image.per_image_standardization(x), IMAGES)
case("standardization_uint8", lambda tf, x: tf.image.per_image_standardization(x), IMAGE, dtype=np.uint8)
case("standardization_even", lambda tf, x: tf.image.per_image_standardization(x * 0.0), IMAGE)
for _to in ("float32", "float16", "uint8", "int16", "int32", "uint16"):
    case(f"float_to_{_to}", lambda tf, x, d=_to: tf.image.convert_image_dtype(x, d), (3, 4))
    case(f"uint8_to_{_to}", lambda tf, x, d=_to: tf.image.convert_image_dtype(x, d), (3, 4), dtype=np.uint8)
    case(f"int16_to_{_to}", lambda tf, x, d=_to: tf.image.convert_image_dtype(x, d, saturate=True), (3, 4),
         dtype=np.int16, high=30000)
case("saturated", lambda tf, x: tf.image.convert_image_dtype(x * 4.0 - 1.0, "uint8", saturate=True), (3, 4))

# --- measures -------------------------------------------------------------------------------------------------------

case("total_variation", lambda tf, x: tf.image.total_variation(x), IMAGES)
case("image_gradients", lambda tf, x: tf.image.image_gradients(x), IMAGES)
case("sobel_edges", lambda tf, x: tf.image.sobel_edges(x), IMAGES)
case("psnr", lambda tf, x, y: tf.image.psnr(x, y, 1.0), IMAGES, IMAGES)
case("psnr_uint8", lambda tf, x, y: tf.image.psnr(x, y, 255), IMAGES, IMAGES, dtype=np.uint8)
case("ssim", lambda tf, x, y: tf.image.ssim(x, y, 1.0), (2, 11, 12, 2), (2, 11, 12, 2))
case("ssim_small", lambda tf, x, y: tf.image.ssim(x, y, 1.0, 4, 1.0, 0.02, 0.05), IMAGES, IMAGES)
case("ssim_uint8", lambda tf, x, y: tf.image.ssim(x, y, 255, filter_size=5), IMAGES, IMAGES, dtype=np.uint8)
case("ssim_map", lambda tf, x, y: tf.image.ssim(x, y, 1.0, 4, return_index_map=True), IMAGES, IMAGES)
case("ssim_multiscale", lambda tf, x, y: tf.image.ssim_multiscale(
    x * 0.1 + y * 0.9, y, 1.0, power_factors=(0.3, 0.4, 0.3), filter_size=4), (1, 18, 21, 1), (1, 18, 21, 1))
