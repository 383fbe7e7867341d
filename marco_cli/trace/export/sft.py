"""The reply that was given, as a chat to imitate: one row a trace.

`messages` is what trl's SFTTrainer reads (conversational language modelling), `conversations` what readers of ShareGPT
read. The reply is whole, thought and output with their tags, as the model has to write it; where the model's chat template
would delete the thought from that, `messages` holds it in `reasoning_content`. Layout `text` is for templates that delete
both (DeepSeek-R1's): `prompt` and `completion` as plain texts, which trl reads without a template. A reply that was cut, or whose
thought was closed by force, is left out: a model would learn to stop there.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from marco_cli.trace.export.base import (
    Export,
    Options,
    content,
    imitated,
    loss_of_thought,
    messages,
    no_rows,
    origin,
    rows,
)
from marco_cli.trace.record import Trace

_SPEAKERS: Final = {"system": "system", "user": "human", "assistant": "gpt"}


def write(traces: Iterable[Trace], options: Options) -> Iterator[Export]:
    """Yield one row a trace."""
    for trace in traces:
        reply = trace.reply
        if not reply.output:
            yield no_rows(trace, "no output")
        elif not reply.is_whole:
            yield no_rows(trace, "the reply was cut or closed by force")
        elif options.layout == "text":
            yield _text_row(trace)
        else:
            chat = messages(trace)
            if options.layout == "messages":
                chat.append(imitated(trace, reply))
            else:  # which has no place for a thought beside the text
                chat.append({"role": "assistant", "content": content(trace, reply)})
            yield rows(trace, [_row(chat, trace, options)], warning=loss_of_thought(trace))


def _text_row(trace: Trace) -> Export:
    """Return prompt and completion as the model had them: no chat template stands between them and the trainer."""
    if not trace.problem.prompt_text:
        return no_rows(trace, "an earlier version kept no text of the prompt")
    completion = trace.reply.data.decode(errors="replace")
    return rows(trace, [{"prompt": trace.problem.prompt_text, "completion": completion, "trace": origin(trace)}])


def _row(chat: list[dict[str, object]], trace: Trace, options: Options) -> dict[str, object]:
    if options.layout == "messages":
        return {"messages": chat, "trace": origin(trace)}
    turns = [{"from": _SPEAKERS[str(turn["role"])], "value": turn["content"]} for turn in chat]
    return {"id": trace.id, "conversations": turns, "trace": origin(trace)}
