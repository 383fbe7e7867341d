import random
import tracemalloc

from marco_cli.batch.key_table import KeyTable


def test_a_table_is_a_dictionary() -> None:
    """Any sequence of puts and gets answers as a dict does, across every growth."""
    source, table, expected = random.Random(3), KeyTable(), dict[str, int]()
    for _ in range(30_000):
        key = f"row {source.randrange(9_000)}"
        if source.random() < 0.7:
            value = source.randrange(1 << 32)
            assert table.put(key, value) == expected.get(key)
            expected[key] = value
        else:
            assert table.get(key) == expected.get(key)
    assert len(table) == len(expected)


def test_any_text_is_a_key() -> None:
    """Lone surrogates and the empty text too."""
    table = KeyTable()
    for value, key in enumerate(("", "\ud800", "\udfff", "汉字", "\0")):
        assert table.put(key, value) is None
    assert [table.get(key) for key in ("", "\ud800", "\udfff", "汉字", "\0")] == [0, 1, 2, 3, 4]


def test_a_hundred_thousand_keys_take_a_few_megabytes() -> None:
    """However long the keys are."""
    tracemalloc.start()
    table = KeyTable()
    for number in range(100_000):
        table.put(f"{number:0200}", number)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size < 5e6
