"""What the user should know of a reply: a format or an end that was not expected, arithmetic that was put right."""

from collections.abc import Iterator

from marco_cli.search.base import Reply
from marco_cli.search.correction import put_right
from marco_cli.search.decoder import Tokenizer
from marco_cli.sections import Tags


def of_reply(reply: Reply, tags: Tags, *, is_first: bool) -> Iterator[str]:
    """Yield what is odd about a reply of a search; `tags` are the preset's, `is_first` that no other was finished before."""
    if reply.tags is not None and tags.marks:
        yield f"the reply is in another format than the preset's: it is read by {', '.join(reply.tags.marks)}"
    elif is_first and not reply.has_tags and tags.output_open:
        yield f"the first reply has none of the preset's tags ({', '.join(tags.marks)}): is this the model's preset?"
    if reply.finish_reason == "loop":
        yield "a reply said the same again and again, and was ended"


def of_result(reply: Reply, tokenizer: Tokenizer) -> Iterator[str]:
    """Yield what is to be known of the reply that a search gives."""
    if reply.output and reply.is_truncated and reply.finish_reason == "length":
        yield "the output was cut where its tokens ended: --max-tokens allows more"
    numbers = ", ".join(put_right(reply.tokens, tokenizer))
    if numbers and reply.signals.false_equations:
        yield f"some false arithmetic of the reply was put right ({numbers}), some was not"
    elif numbers:
        yield f"false arithmetic was put right in the reply: {numbers}"
