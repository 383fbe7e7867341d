import io
import json
import math
from hashlib import sha256

import pytest
from tables import table

from marco_cli.errors import InputError
from marco_cli.jsonl import RawLine, decode, encode, read_lines


@table(
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
    ]
)
def test_any_value_becomes_one_line_of_json(value: object, expected: object) -> None:
    """No number, text or key makes a row unwritable, and a document never spans two lines."""
    line = encode({"value": value})

    assert json.loads(line)["value"] == expected
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")


def test_no_character_reaches_a_terminal_that_steers_it() -> None:
    """C0, DEL and C1 codes, line separators and overrides of direction are escapes, in keys too, and come back as they were."""
    text = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0), 0x200E, 0x2028, 0x202E, 0x2066])) + "汉字 …“é”"
    line = encode({text: [text]})

    assert line.decode().removesuffix("\n").isprintable()
    assert "汉字 …“é”" in line.decode()
    assert decode(line) == {text: [text]}


@table(
    [
        (b'\xef\xbb\xbf{"a": 1}\r\n', {"a": 1}),
        ('\ufeff"x"', "x"),
        (b"  [1, 2.5, null, true] ", [1, 2.5, None, True]),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b"9" * 10_000, "9" * 10_000),
        (b"[Infinity, -Infinity, 1e999]", [math.inf, -math.inf, math.inf]),
        (rb'"\ud800"', "\ud800"),
        (rb'"\ud83d\ude00"', "😀"),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        ("汉字".join('""').encode(), "汉字"),
    ]
)
def test_what_other_programs_write_is_read(line: bytes | str, expected: object) -> None:
    """Byte order marks, long integers, infinities, surrogates and repeated keys have one meaning each."""
    assert decode(line) == expected


def test_not_a_number_is_read() -> None:
    """NaN, which JSON has no word for and many programs write, is a float."""
    value = decode(b"NaN")

    assert isinstance(value, float)
    assert math.isnan(value)


@table(
    [
        (b"", "expecting value at character 1"),
        (b'{"a": }', "character 7"),
        (b'{"a": "x', "unterminated string"),
        (b"{} {}", "extra data at character 4"),
        (b'"\xff"', "byte 2 is 0xff"),
        (b"\xff\xfe{\0}\0", "byte 1 is 0xff"),
        (b'"a\nb"', "invalid control character"),
        (b"[" * 201 + b"]" * 201, "at most 200 levels"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "at most 200 levels"),
        (b"\0" * 100, "not JSON"),
    ]
)
def test_what_is_no_json_is_named_in_one_line(line: bytes, words: str) -> None:
    """The message says what was found and where; nothing but InputError comes out."""
    with pytest.raises(InputError) as caught:
        decode(line)

    assert words in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "line", [b"[" * 200 + b"1" + b"]" * 200, b"[" + b"{}," * 5000 + b"[]]", b"-1e-999", b"1" * 601]
)
def test_whatever_is_read_can_be_written(line: bytes) -> None:
    """What came in under `meta` can go out again, nested as it may be."""
    assert encode(decode(line)).endswith(b"\n")


def test_sorted_keys_make_equal_values_equal_bytes() -> None:
    """The order in which somebody wrote the keys does not count, at any level."""
    one, other = decode(b'{"b": {"d": 1, "c": 2}, "a": 3}'), decode(b'{"a": 3, "b": {"c": 2, "d": 1}}')

    assert encode(one, sort_keys=True) == encode(other, sort_keys=True)


@pytest.mark.parametrize("end", [b"\n", b"\nlast"])
def test_lines_are_bounded(end: bytes) -> None:
    """Of a line that is too long only its size and hash are known, and the lines behind it come as if nothing was."""
    long = b"x" * 3_000_000
    lines = list(read_lines(io.BytesIO(b"one\n" + long + b"\n" + b"y" * 9 + end), most=10))

    assert lines[0] == RawLine(b"one\n", 4, is_too_long=False)
    assert lines[1] == RawLine(sha256(long + b"\n").digest(), 3_000_001, is_too_long=True)
    assert lines[2] == RawLine(b"y" * 9 + b"\n", 10, is_too_long=False)
    assert [line.data for line in lines[3:]] == [end[1:]] * bool(end[1:])


def test_a_last_line_that_is_too_long_has_no_end() -> None:
    """The end of the file ends it."""
    assert list(read_lines(io.BytesIO(b"x" * 11), most=10)) == [
        RawLine(sha256(b"x" * 11).digest(), 11, is_too_long=True)
    ]
