"""Programs that replies answer with, as they are run."""

import asyncio

import pytest

from marco_cli.check.calculator import Calculator

pytest.importorskip("pydantic_monty")

CASES = {
    "def solution():\n    return 6 * 7": "42",
    "def solution():\n    return 7 / 2": "3.5",
    "def solution():\n    return 10 / 5": "2",
    "def solution():\n    return 0.1 + 0.2": "0.3",
    "def solution():\n    return -3": "-3",
    "def solution():\n    return 3e13 / 2": "15000000000000",
    "def solution():\n    return 0.00001": "0.00001",
    "def solution():\n    return 10 ** 20": "100000000000000000000",
    "print('99')\ndef solution():\n    print('98')\n    return 1": "1",
    "def solution():\n    print('98', end='')\n    return 1": "1",
    "def solution():\n    return '12'": "12",
    "def solution():\n    return 'twelve'": None,
    "def solution():\n    return (1, 2)": None,
    "def solution():\n    pass": None,
    "def solution():\n    return float('inf')": None,
    "def solution():\n    return 1 / 0": None,
    "def solution():\n    return 1 +": None,
    "x = 1": None,
    "def solution():\n    return len(open('/etc/passwd').read())": None,
    "import os\ndef solution():\n    return len(os.listdir('/'))": None,
    "def solution():\n    while True: pass": None,
    "def solution():\n    return len('x' * 10 ** 9)": None,
}


def test_a_program_returns_a_number_or_nothing() -> None:
    """What it prints, what fails, what is no number and what reaches for the machine comes to nothing."""

    async def work() -> dict[str, str | None]:
        calculator = Calculator()
        try:
            return {code: await calculator.returned(code) for code in CASES}
        finally:
            await calculator.close()

    assert asyncio.run(work()) == CASES
