"""`tf.strings`: functions of string tensors, which live on the host."""

from treadle.runtime.composites.strings import (
    as_string,
    cross_hashed,
    join,
    length,
    lower,
    ngrams,
    reduce_join,
    regex_full_match,
    regex_replace,
    split,
    strip,
    substr,
    to_hash_bucket_fast,
    to_hash_bucket_strong,
    to_number,
    unicode_split,
    upper,
)

__all__ = [
    "as_string", "cross_hashed", "join", "length", "lower", "ngrams", "reduce_join", "regex_full_match", "regex_replace",
    "split", "strip", "substr", "to_hash_bucket_fast", "to_hash_bucket_strong", "to_number", "unicode_split", "upper",
]
