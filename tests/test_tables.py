import pytest
from tables import table


def test_every_case_that_fails_is_named() -> None:
    """One failure hides no other, and the message says of each what was compared."""

    @table([(1, 1), (1, 2), ("a", 3)])
    def equal(first: object, second: object) -> None:
        assert first == second

    with pytest.raises(AssertionError) as failure:
        equal()
    told = str(failure.value)
    assert "2 of 3 cases fail" in told
    assert "(1, 2)\n    AssertionError" in told
    assert "('a', 3)\n    AssertionError" in told
    assert "(1, 1)" not in told


def test_a_case_may_be_a_tuple_itself_and_fail_in_any_way() -> None:
    """A test of one argument gets the whole case; what is not raised, and what is, are failures like any other."""
    seen: list[object] = []

    @table([(1, 2), (), (0,)])
    def check(case: tuple[int, ...]) -> None:
        seen.append(case)
        with pytest.raises(ZeroDivisionError):
            assert 1 / case[0]

    with pytest.raises(AssertionError) as failure:
        check()
    assert seen == [(1, 2), (), (0,)]
    assert "(1, 2)\n    Failed" in str(failure.value)
    assert "()\n    IndexError" in str(failure.value)
