"""Tests of a `python` check that test nothing, and what of a reply is run with them."""

from pathlib import Path

import pytest

from marco_cli.check.code import as_module
from marco_cli.check.tests import asked_for, read_tests
from marco_cli.errors import ConfigError

CODE = "def f(x):\n    return 0\n"
IDLE = {
    "HumanEval": "def check(candidate):\n    assert candidate(1) == 1\n",
    "unittest": "import unittest\nclass TestF(unittest.TestCase):\n    def test_f(self):\n        self.assertEqual(f(1), 1)\n",
    "a class": "class TestF:\n    def test_f(self):\n        assert f(1) == 1\n",
    "a program": 'if __name__ == "__main__":\n    assert f(1) == 1\n',
    "a fixture": "def test_f(x):\n    assert f(x) == 1\n",
    "a fixture by name": "def test_f(*, x):\n    assert f(x) == 1\n",
    "a coroutine": "async def test_f():\n    assert f(1) == 1\n",
    "another name": "def main():\n    assert f(1) == 1\n",
    "one that calls itself": "def main():\n    assert f(1) == 1\n    main()\n",
    "a value that is returned": "def test_f():\n    return f(1) == 1\n",
    "a print": "print(f(1))",
    "a comparison": "f(1) == 1",
    "a tuple": "assert (f(1) == 1, 'must be 1')",
    "a constant": "assert True",
    "a doctest": '"""\n>>> f(1)\n1\n"""',
    "a comment": "# assert f(1) == 1",
}  # fmt: skip
BUSY = {
    "an assertion": "assert f(1) == 1",
    "in a loop": "for x, y in [(1, 1)]:\n    assert f(x) == y",
    "a test": "def test_f():\n    assert f(1) == 1\n",
    "a test with a default": "def test_f(x=1):\n    assert f(x) == 1\n",
    "HumanEval, called": "def check(candidate):\n    assert candidate(1) == 1\ncheck(f)\n",
    "by a function": "def same(a, b):\n    assert a == b\ndef test_f():\n    same(f(1), 1)\n",
    "by a class": "class Case:\n    def test(self):\n        assert f(1) == 1\nCase().test()\n",
    "an error": "if f(1) != 1:\n    raise ValueError",
    "a library": "import numpy as np\nnp.testing.assert_allclose(f(1), 1)",
    "by decorator": "def run(g):\n    g()\n@run\ndef other():\n    assert f(1) == 1\nother\n",
}


@pytest.mark.parametrize("tests", IDLE)
def test_tests_that_assert_nothing_verify_nothing(tests: str, tmp_path: Path) -> None:
    """Any code would pass them: a file is refused, and those of a row cannot judge."""
    _, verdict = asked_for("python", IDLE[tests], CODE)
    assert verdict is not None
    assert verdict.judgement == "unknown"
    assert "assert nothing" in verdict.trouble
    file = tmp_path / "tests.py"
    file.write_text(IDLE[tests])
    with pytest.raises(ConfigError, match="assert nothing"):
        read_tests(str(file))


@pytest.mark.parametrize("tests", BUSY)
def test_tests_that_assert_something_are_run(tests: str) -> None:
    """Where the assertion stands does not matter, as long as something leads to it."""
    run, verdict = asked_for("python", BUSY[tests], CODE)
    assert verdict is None
    assert run.startswith(BUSY[tests])


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (CODE + 'if __name__ == "__main__":\n    print(f(input()))\nx = 1', CODE + "pass\n\nx = 1"),
        (CODE + "if '__main__' == __name__: print(f(input()))", CODE + "pass"),
        (CODE + "if __name__ == 'solution':\n    x = 1", CODE + "if __name__ == 'solution':\n    x = 1"),
        (CODE, CODE),
        ("def f(", "def f("),
    ],
)
def test_code_is_run_as_a_module(code: str, expected: str) -> None:
    """What it does as a program, e.g. ask for input, is left out; its lines keep their numbers."""
    assert as_module(code) == expected
