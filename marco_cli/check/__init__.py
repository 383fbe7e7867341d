"""Checks: what knows whether an answer is right, by name.

Only the literal table lives here, so that the command line can list its choices without loading anything. Places are written
`module:function`; what is there takes what stands behind the colon of `KIND:ARG` and returns a `check.base.Verifier`.
"""

from types import MappingProxyType
from typing import Final, NamedTuple


class CheckEntry(NamedTuple):
    """Where a kind of check is made, and what it runs."""

    place: str
    help: str
    is_free: bool = False
    """Whether a row of a file may ask for it: it starts no program of the system."""
    reads_file: bool = False
    """Whether what stands behind the colon is the path of a file."""


CHECKS: Final = MappingProxyType(
    {
        "python": CheckEntry(
            "marco_cli.check.python:open_python",
            "tests for the code of a reply, in an interpreter of a subset of Python that has no way out",
            is_free=True,
            reads_file=True,
        ),
        "python3": CheckEntry(
            "marco_cli.check.python3:open_python3",
            "the same in the Python that runs marco, in a sandbox",
            reads_file=True,
        ),
        "math": CheckEntry(
            "marco_cli.check.mathematics:open_math",
            "an expression that the answer equals, or an equation that it solves",
            is_free=True,
        ),
        "equations": CheckEntry(
            "marco_cli.reward.equations.verifier:open_equations",
            "no false equation in the reply; one without any is not right for that",
            is_free=True,
        ),
        "command": CheckEntry("marco_cli.check.command:open_command", "a program that gets the reply as JSON on stdin"),
    }
)
"""By the name before the colon."""
