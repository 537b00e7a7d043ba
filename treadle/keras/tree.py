"""`keras.tree`: nested structures."""

from treadle.keras_like.core.nested import (
    MAP_TO_NONE,
    assert_same_paths,
    flatten_with_path,
    lists_to_tuples,
    map_shape_structure,
    map_structure_up_to,
    traverse,
)
from treadle.nest import assert_same_structure, flatten, is_nested, map_structure, pack_sequence_as

__all__ = [
    "MAP_TO_NONE", "assert_same_paths", "assert_same_structure", "flatten", "flatten_with_path", "is_nested",
    "lists_to_tuples", "map_shape_structure", "map_structure", "map_structure_up_to", "pack_sequence_as", "traverse",
]
