"""A table of cases as one test: all of them are tried, and the message says of each that fails what it is and why.

For tables whose cells take microseconds: as tests of their own, most of their time would be pytest's.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import signature
from typing import Any

import pytest


def table(cases: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Call a test with every case: with its members where the test takes several arguments, else with the case itself."""
    rows = list(cases)
    assert rows, "a table without cases shows nothing"

    def decorate(test: Callable[..., None]) -> Callable[[], None]:
        is_spread = len(signature(test).parameters) > 1

        @wraps(test)
        def whole() -> None:
            failed: list[tuple[object, BaseException]] = []
            for case in rows:
                try:
                    test(*case) if is_spread else test(case)
                except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 (told below, with its case)
                    failed.append((case, error))
            if failed:
                told = "\n".join(f"{case!r}\n    {type(error).__name__}: {error}" for case, error in failed)
                raise AssertionError(f"{len(failed)} of {len(rows)} cases fail:\n{told}") from failed[0][1]

        del whole.__wrapped__  # else pytest looks for fixtures of the arguments' names
        return whole

    return decorate
