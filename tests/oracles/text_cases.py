"""Cases of the layers and functions that work on strings, for TensorFlow with real Keras and for treadle: `run(tf, name)`."""

import numpy as np

TEXT = ["The quick brown fox.", "jumps over THE lazy dog!", "the dog, the fox;  the end", "", "Ünïcode wörds, dog\tdog"]
TOKENS = [["a", "b", "z"], ["b", "b", "y"], ["", "c", "x"], ["d", "[UNK]", "a"]]
STRINGS = ["", "a", "ab", "abc", "abcd", "hello", "hashing", "a longer string", "x" * 16, "y" * 17, "some text that is longer",
           "z" * 32, "w" * 33, "v" * 64, "u" * 65, "t" * 128, "s" * 129, "Ünïcode", "r" * 300]
VOCABULARY = ["d", "a", "b", "c"]
IDF = [0.5, 0.25, 0.75, 0.6]
INTEGERS = np.array([[12, 36, -5], [1138, 12, 7], [0, 42, 2**40 + 1], [36, 36, 8]])
MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


def lookup(**config):
    idf = {"idf_weights": IDF} if config.get("output_mode") == "tf_idf" else {}
    return lambda tf: [tf.keras.layers.StringLookup(vocabulary=VOCABULARY, **idf, **config)(np.array(TOKENS))]


def adapted(data=TOKENS, **config):
    def case(tf):
        layer = tf.keras.layers.StringLookup(**config)
        layer.adapt(np.array(data))
        return [layer.get_vocabulary(), layer.get_vocabulary(include_special_tokens=False), [layer.vocabulary_size()],
                layer(np.array(data))]
    return case


def integers(**config):
    idf = {"idf_weights": IDF} if config.get("output_mode") == "tf_idf" else {}
    return lambda tf: [tf.keras.layers.IntegerLookup(vocabulary=[12, 36, 1138, 42], **idf, **config)(INTEGERS)]


def integers_adapted(**config):
    def case(tf):
        layer = tf.keras.layers.IntegerLookup(**config)
        layer.adapt(INTEGERS)
        return [layer.get_vocabulary(), layer(INTEGERS)]
    return case


def text(data=TEXT, **config):
    def case(tf):
        layer = tf.keras.layers.TextVectorization(**config)
        layer.adapt(data)
        return [layer.get_vocabulary(), layer(np.array(data)), layer(np.array([["a dog"], ["the fox the cat"]]))]
    return case


def hashed(data, **config):
    return lambda tf: [tf.keras.layers.Hashing(**config)(np.array(data))]


def crossed(*data, **config):
    return lambda tf: [tf.keras.layers.HashedCrossing(**config)([np.array(d) for d in data])]


def strings(function):
    return lambda tf: [function(tf.strings)]


CASES = {
    **{f"lookup_{m}": lookup(output_mode=m) for m in MODES},
    "lookup_mask": lookup(mask_token="", num_oov_indices=1),
    "lookup_mask_count": lookup(mask_token="", output_mode="count"),
    "lookup_mask_idf": lookup(mask_token="", output_mode="tf_idf"),
    "lookup_several_oov": lookup(num_oov_indices=3),
    "lookup_several_oov_mask": lookup(num_oov_indices=5, mask_token=""),
    "lookup_salted_oov": lookup(num_oov_indices=5, salt=133),
    "lookup_two_salts": lookup(num_oov_indices=5, salt=[133, 7], output_mode="multi_hot"),
    "lookup_padded": lookup(max_tokens=9, pad_to_max_tokens=True, output_mode="multi_hot"),
    "lookup_padded_idf": lookup(max_tokens=9, pad_to_max_tokens=True, output_mode="tf_idf"),
    "lookup_specials_given": lambda tf: [tf.keras.layers.StringLookup(
        vocabulary=["", "[UNK]", "a", "b"], mask_token="")(np.array(TOKENS))],
    "lookup_inverted": lambda tf: [tf.keras.layers.StringLookup(vocabulary=VOCABULARY, invert=True)(
        np.array([[0, 1, 2], [4, 5, 99]]))],
    "lookup_inverted_mask": lambda tf: [tf.keras.layers.StringLookup(
        vocabulary=VOCABULARY, invert=True, mask_token="-", num_oov_indices=2)(np.array([[0, 1, 2], [4, 5, 3]]))],
    "lookup_one_hot_column": lambda tf: [tf.keras.layers.StringLookup(vocabulary=VOCABULARY, output_mode="one_hot")(
        np.array([["a"], ["z"]]))],
    "lookup_vector": lambda tf: [tf.keras.layers.StringLookup(vocabulary=VOCABULARY, output_mode="count")(
        np.array(["a", "z", "a"]))],
    **{f"adapted_{m}": adapted(output_mode=m) for m in MODES},
    "adapted_max": adapted(max_tokens=4), "adapted_mask": adapted(mask_token="", num_oov_indices=2),
    "adapted_idf_max": adapted(output_mode="tf_idf", max_tokens=5, pad_to_max_tokens=True),
    "adapted_vector": adapted(["b", "a", "b", "c", "a", "d"]),
    "adapted_vector_idf": adapted(["b", "a", "b", "c", "a", "d"], output_mode="tf_idf"),
    **{f"integers_{m}": integers(output_mode=m) for m in MODES},
    "integers_mask": integers(mask_token=0), "integers_mask_count": integers(mask_token=0, output_mode="count"),
    "integers_floormod": integers(num_oov_indices=3), "integers_farmhash": integers(num_oov_indices=4, oov_method="farmhash"),
    "integers_salt": integers(num_oov_indices=4, oov_method="farmhash", salt=(1, 2)),
    "integers_inverted": lambda tf: [tf.keras.layers.IntegerLookup(vocabulary=[12, 36], invert=True, mask_token=0)(
        np.array([[0, 1, 2], [3, 4, -1]]))],
    "integers_adapted": integers_adapted(), "integers_adapted_max": integers_adapted(max_tokens=4, mask_token=36),
    "integers_adapted_idf": integers_adapted(output_mode="tf_idf"),
    "text": text(), "text_length": text(output_sequence_length=3), "text_longer": text(output_sequence_length=9),
    "text_lower": text(standardize="lower"), "text_punctuation": text(standardize="strip_punctuation"),
    "text_as_is": text(standardize=None), "text_characters": text(split="character", output_sequence_length=12),
    "text_ngrams": text(ngrams=2), "text_some_ngrams": text(ngrams=(1, 3)), "text_max": text(max_tokens=6),
    "text_multi_hot": text(output_mode="multi_hot"), "text_count": text(output_mode="count", max_tokens=8),
    "text_idf": text(output_mode="tf_idf"), "text_idf_ngrams": text(output_mode="tf_idf", ngrams=2, max_tokens=12),
    "text_padded": text(output_mode="count", max_tokens=30, pad_to_max_tokens=True),
    "text_idf_padded": text(output_mode="tf_idf", max_tokens=30, pad_to_max_tokens=True),
    "text_no_split": lambda tf: [tf.keras.layers.TextVectorization(split=None, vocabulary=VOCABULARY)(np.array(TOKENS))],
    "text_no_split_length": lambda tf: [tf.keras.layers.TextVectorization(
        split=None, vocabulary=VOCABULARY, output_sequence_length=5)(np.array(TOKENS))],
    "text_no_split_ngrams": lambda tf: [tf.keras.layers.TextVectorization(
        split=None, vocabulary=["a b", "b"], ngrams=2)(np.array(TOKENS))],
    "text_scalar": lambda tf: [tf.keras.layers.TextVectorization(vocabulary=VOCABULARY)("a d, b?")],
    "text_vocabulary": lambda tf: [tf.keras.layers.TextVectorization(
        vocabulary=VOCABULARY, output_mode="tf_idf", idf_weights=IDF)(np.array(["a b b", "d z"]))],
    "hashing": hashed(STRINGS, num_bins=2**40), "hashing_bins": hashed([STRINGS], num_bins=7),
    "hashing_masked": hashed([["a", ""], ["b", "c"]], num_bins=5, mask_value=""),
    "hashing_salt": hashed(STRINGS, num_bins=2**40, salt=133), "hashing_salts": hashed(STRINGS, num_bins=97, salt=[133, 137]),
    "hashing_integers": hashed(INTEGERS, num_bins=1000), "hashing_integers_salt": hashed(INTEGERS, num_bins=1000, salt=9),
    "hashing_integers_masked": hashed(INTEGERS, num_bins=11, mask_value=36),
    "hashing_one_hot": hashed(["a", "b", "c"], num_bins=4, output_mode="one_hot"),
    "hashing_multi_hot": hashed(TOKENS, num_bins=6, output_mode="multi_hot"),
    "hashing_count": hashed(TOKENS, num_bins=3, output_mode="count"),
    "crossing": crossed(["A", "B", "A", "B", "A"], [101, 101, 101, 102, 102], num_bins=5),
    "crossing_large": crossed([["A"], ["B"]], [[-1], [2**40]], num_bins=2**40),
    "crossing_three": crossed([3, 4], ["x", "y"], ["u", "long string here, longer than sixteen"], num_bins=1000),
    "crossing_one_hot": crossed([1, 2, 3], [1, 1, 1], num_bins=4, output_mode="one_hot"),
    "strings_lower": strings(lambda s: s.lower(TEXT)), "strings_upper": strings(lambda s: s.upper(TEXT)),
    "strings_lower_utf8": strings(lambda s: s.lower(TEXT, encoding="utf-8")),
    "strings_strip": strings(lambda s: s.strip(["  a b ", "\tc\n", ""])), "strings_length": strings(lambda s: s.length(TEXT)),
    "strings_length_utf8": strings(lambda s: s.length(TEXT, unit="UTF8_CHAR")),
    "strings_substr": strings(lambda s: s.substr(["hello", "world"], [1, -3], [2, 9])),
    "strings_substr_utf8": strings(lambda s: s.substr(["Ünïcode"], 1, 3, unit="UTF8_CHAR")),
    "strings_split": strings(lambda s: s.split(" the  cat sat\n")),
    "strings_split_at": strings(lambda s: s.split("1<>2<><>3", sep="<>")),
    "strings_split_some": strings(lambda s: s.split("1 2 3 4", maxsplit=2)),
    "strings_characters": strings(lambda s: s.unicode_split("Ünï", "UTF-8")),
    "strings_join": strings(lambda s: s.join([["a", "b"], ["c", "d"], "e"], separator="-")),
    "strings_reduce_join": strings(lambda s: s.reduce_join([["a", "b"], ["c", "d"]], axis=0, separator="+")),
    "strings_reduce_join_all": strings(lambda s: s.reduce_join([["a", "b"], ["c", "d"]], keepdims=True)),
    "strings_regex": strings(lambda s: s.regex_replace(["a1b22", "<br />x<br />"], r"\d+|<br />", " ")),
    "strings_regex_groups": strings(lambda s: s.regex_replace(["john smith"], r"(\w+) (\w+)", r"\2 \1 [\0]")),
    "strings_regex_first": strings(lambda s: s.regex_replace(["aaa"], "a", "b", replace_global=False)),
    "strings_match": strings(lambda s: s.regex_full_match(["abc", "abcd", "b"], "a.c|b")),
    "strings_number": strings(lambda s: s.to_number(["1.5", "-2", "1e3"])),
    "strings_ngrams": strings(lambda s: s.ngrams(["a", "b", "c", "d"], 3)),
    "strings_as_string": strings(lambda s: s.as_string(np.array([1, -22, 2**40]))),
}


def plain(value):
    """A result as lists of numbers and text."""
    if isinstance(value, list):
        return [plain(v) for v in value]
    array = np.asarray(value)
    if array.dtype.kind in "OSU":
        return [plain(v) for v in array] if array.ndim else (
            array.item().decode("latin-1") if isinstance(array.item(), bytes) else str(array.item()))
    if array.dtype.kind == "f":
        return [plain(v) for v in array] if array.ndim else float(f"{array.item():.7g}")
    return array.tolist()


def run(tf, name):
    """The case's results as plain values."""
    return [plain(r) for r in CASES[name](tf)]
