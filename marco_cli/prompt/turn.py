"""What a chat template makes of made-up messages, to see the marks that it writes around thoughts and outputs."""

import datetime as dt
from collections.abc import Mapping, Sequence

from marco_cli.prompt.sandbox import run_template


def render_turn(template: str, messages: Sequence[Mapping[str, str]], *, is_asking: bool) -> str:
    """Render messages; `is_asking` opens the assistant's turn after them.

    Raises:
        ConfigError: the template is faulty, leaves the sandbox or refuses them.

    """
    variables = {
        "messages": list(messages),
        "add_generation_prompt": is_asking,
        "bos_token": "",
        "eos_token": "",
        "tools": None,
        "documents": None,
        "strftime_now": dt.datetime.now(tz=dt.UTC).strftime,
    }
    return run_template(template, variables, hint="try --chat-template chatml")
