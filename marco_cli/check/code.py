"""The code of a reply.

In: the text of an output. Out: the source that its fenced blocks hold, or "" where there is none.
"""

import re
from textwrap import dedent
from typing import Final

from marco_cli.check.base import Submission

_BLOCK: Final = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n]*\n(.*?)(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_LANGUAGES: Final = frozenset({"", "python", "py", "python3", "py3"})
_CODE: Final = re.compile(r"^(?:def |class |import |from \w+ import |@\w|async def )", re.MULTILINE)


def code_of(output: str) -> str:
    """Return the Python of an output: its longest fenced block with a definition, or the text itself where it is code.

    Replies often show a function, then how it is called: the block that defines the most is the answer.
    """
    blocks = [dedent(found[3]) for found in _BLOCK.finditer(output) if found[2].lower() in _LANGUAGES]
    defining = [block for block in blocks if _CODE.search(block)] or blocks
    if defining:
        return max(defining, key=len)
    return output if "```" not in output and _CODE.match(output.lstrip()) else ""


def substance(submission: Submission) -> tuple[str, object]:
    """Return what an answer comes to: its code, else its canonical answer, else the whole text."""
    code = code_of(submission.output)
    if code:
        return "code", code
    if submission.answer is not None:
        return "answer", submission.answer.key
    return "output", submission.output
