"""Input lines of every kind: good rows in any dress, and whatever else a file may hold."""

import json
from typing import Any

from hypothesis import strategies as st

LINES_AN_EXAMPLE = 40

texts: Any = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(
    ["id", "custom_id", "prompt", "question", "messages", "body", "meta", "seed", "preset", "strategy", "max_tokens",
     "time_limit", "system", "url", "method", "temperature", "role", "content"]
)  # fmt: skip
messages: Any = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant", "tool", 3]), "content": values}),
    max_size=3,
)
documents: Any = st.dictionaries(
    keys | texts, values | messages | st.dictionaries(keys, values | messages, max_size=4), max_size=6
)
whole: Any = documents.map(json.dumps).map(str.encode)
bad_lines: Any = (
    whole
    | st.binary(max_size=60)
    | st.builds(lambda data, cut: data[:cut], whole, st.integers(0, 80))
    | st.builds(lambda data, at, byte: data[:at] + byte + data[at + 1 :], whole, st.integers(0, 80), st.binary(max_size=2))
    | st.sampled_from([b"\xef\xbb\xbf", b"[" * 5000, b'{"prompt": "\\ud800"}', b"NaN", b"9" * 5000, b"\0" * 50, b"null", b"\x1f\x8b"])
).map(lambda data: data.replace(b"\n", b""))  # fmt: skip
good_lines: Any = st.builds(
    lambda question, extra, mark: mark + json.dumps({"meta": extra, "question": question}).encode() + b"\r",
    texts.filter(str.strip),
    values,
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
inputs: Any = st.lists(
    st.tuples(st.just(True), good_lines) | st.tuples(st.just(False), bad_lines), max_size=LINES_AN_EXAMPLE
)
"""Lists of (whether the row is good, line)."""
