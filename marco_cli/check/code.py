"""The code of a reply.

In: the text of an output. Out: the source that its fenced blocks hold, or "" where there is none.
"""

import ast
import re
from textwrap import dedent
from typing import Final

from marco_cli.answer import Answer
from marco_cli.check.base import Submission

_BLOCK: Final = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n]*\n(.*?)(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_LANGUAGES: Final = frozenset({"", "python", "py", "python3", "py3"})
_IS_MAIN: Final = frozenset({"__name__ == '__main__'", "'__main__' == __name__"})
_CODE: Final = re.compile(r"^(?:def |class |import |from \w+ import |@\w|async def )", re.MULTILINE)


def code_of(output: str) -> str:
    """Return the Python of an output: its longest fenced block with a definition, or the text itself where it is code.

    Replies often show a function, then how it is called: the block that defines the most is the answer.
    """
    return dedent(output[slice(*_span(output))])


def as_module(code: str) -> str:
    """Return code without what it does as a program: `if __name__ == "__main__":` often asks for input, or shows an example."""
    try:
        statements = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code
    lines = code.split("\n")
    for each in statements:
        if isinstance(each, ast.If) and not each.orelse and ast.unparse(each.test) in _IS_MAIN and each.end_lineno:
            lines[each.lineno - 1 : each.end_lineno] = ["pass"] + [""] * (each.end_lineno - each.lineno)
    return "\n".join(lines)


def extent(output: str, answer: Answer | None) -> int:
    """Return how many characters of an output a verdict rests on: what follows its code, or its answer, changes nothing."""
    start, end = _span(output)
    if start < end:
        return end
    return len(output) if answer is None else answer.span[1]


def _span(output: str) -> tuple[int, int]:
    """Return where the code of an output stands; an empty place without code."""
    spans = [found.span(3) for found in _BLOCK.finditer(output) if found[2].lower() in _LANGUAGES]
    defining = [span for span in spans if _CODE.search(dedent(output[slice(*span)]))] or spans
    if defining:
        return max(defining, key=lambda span: span[1] - span[0])
    is_code = "```" not in output and _CODE.match(output.lstrip()) is not None
    return 0, len(output) * is_code


def substance(submission: Submission) -> tuple[str, object]:
    """Return what an answer comes to: its code, else its canonical answer, else the whole text."""
    code = code_of(submission.output)
    if code:
        return "code", code
    if submission.answer is not None:
        return "answer", submission.answer.key
    return "output", submission.output
