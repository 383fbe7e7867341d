"""Where a message must hold its thought so that the model's own chat template keeps it.

Templates write assistant messages for the turns that follow, in which old thoughts have no place: some cut them out of
`content` (DeepSeek-R1), some take them from `reasoning_content` (Qwen3, GLM). Training data goes through the same template.
In: a template and a reply. Out: a place, found by trying.
"""

from functools import lru_cache
from typing import Final

from marco_cli.errors import ConfigError
from marco_cli.prompt.turn import render_turn
from marco_cli.search.base import Reply
from marco_cli.trace.record import ThoughtPlace

_THOUGHT: Final = "4f2c7a91 a thought 4f2c7a91"
_OUTPUT: Final = "an output"
_LONGEST: Final = 200
"""Characters of the marks around a thought."""


def thought_place(template: str, reply: Reply, *, prefill: str, bos: str, eos: str) -> ThoughtPlace | None:
    """Return where a message holds the thought of a reply with an output; None where that cannot be told.

    `prefill` is what the prompt gave of the reply.
    """
    if not (reply.thought and reply.output):
        return None
    written = prefill + reply.data.decode(errors="replace")
    head, is_there, rest = written.partition(reply.thought)
    between, is_answered, _ = rest.partition(reply.output)
    if not (is_there and is_answered) or len(head + between) > _LONGEST:
        return None
    return _place(template, head, between, bos, eos)


@lru_cache(maxsize=64)
def _place(template: str, head: str, between: str, bos: str, eos: str) -> ThoughtPlace | None:
    forms: dict[ThoughtPlace, dict[str, str]] = {
        "content": {"content": f"{head}{_THOUGHT}{between}{_OUTPUT}"},
        "reasoning_content": {"content": _OUTPUT, "reasoning_content": _THOUGHT},
    }
    texts = {place: _rendered(template, form, bos, eos) for place, form in forms.items()}
    if all(text is None for text in texts.values()):
        return None
    return next((place for place, text in texts.items() if text is not None and _THOUGHT in text), "nowhere")


def _rendered(template: str, form: dict[str, str], bos: str, eos: str) -> str | None:
    """Return what the template writes; None where it refuses the form."""
    messages = [{"role": "user", "content": "a question"}, {"role": "assistant", **form}]
    try:
        return render_turn(template, messages, is_asking=False, bos=bos, eos=eos)
    except ConfigError:
        return None
