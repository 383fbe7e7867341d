"""What a chat template makes of made-up messages, to see the marks that it writes around thoughts and outputs."""

from collections.abc import Mapping, Sequence
from typing import Final

from marco_cli.prompt.worker import fault_error, run_template

_NOW: Final = "2024-01-01"
"""Marks do not depend on the day."""


def render_turn(
    template: str, messages: Sequence[Mapping[str, str]], *, is_asking: bool, bos: str = "", eos: str = ""
) -> str:
    """Render messages; `is_asking` opens the assistant's turn after them, `bos` and `eos` are the vocabulary's texts.

    Raises:
        ConfigError: the template is faulty, leaves the sandbox or refuses them.
    """
    variables = {
        "messages": list(messages),
        "add_generation_prompt": is_asking,
        "bos_token": bos,
        "eos_token": eos,
        "now": _NOW,
    }
    (result,) = run_template(template, [variables])
    if "fault" in result:
        raise fault_error(result, hint="try --chat-template chatml")
    return result["text"]
