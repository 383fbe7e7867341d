import json
import math

import pytest

from marco_cli.jsonl import encode


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, None),
        (math.inf, None),
        (1 << 70, str(1 << 70)),
        (-(1 << 63), -(1 << 63)),
        (True, True),
        ("\ud800x", "\ufffd\ufffd\ufffdx"),
        ({"a": (1, [2.5])}, {"a": [1, [2.5]]}),
        ({1: "one"}, {"1": "one"}),
        ("汉字\n", "汉字\n"),
    ],
)
def test_any_value_becomes_one_line_of_json(value: object, expected: object) -> None:
    """No number, text or key makes a row unwritable, and a document never spans two lines."""
    line = encode({"value": value})

    assert json.loads(line)["value"] == expected
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
