"""`tf.io`: files as strings, and images in files."""

from treadle.runtime.composites import gfile
from treadle.runtime.composites.files import decode_csv, decode_raw, matching_files, read_file, write_file
from treadle.runtime.composites.image_files import (
    decode_bmp,
    decode_gif,
    decode_image,
    decode_jpeg,
    decode_png,
    encode_jpeg,
    encode_png,
)

__all__ = [
    "decode_bmp", "decode_csv", "decode_gif", "decode_image", "decode_jpeg", "decode_png", "decode_raw", "encode_jpeg",
    "encode_png", "gfile", "matching_files", "read_file", "write_file",
]
