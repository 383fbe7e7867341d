"""From a token prefix to a finished reply."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from loop import finished
from search.scripts import CLOSE, PROMPT, SUM, Inline, answer, lines
from tables import table

from marco_cli.engine.base import GREEDY, SamplingParams, Tokens
from marco_cli.engine.scripted import END, Script, scripted_engine
from marco_cli.errors import ContextOverflowError
from marco_cli.search import StepMode, growing
from marco_cli.search.base import Problem, Reply
from marco_cli.search.budget import Budget, Stop
from marco_cli.search.reader import read_whole
from marco_cli.search.rollout import rollout
from marco_cli.search.watch import StepListener
from marco_cli.sections import MARCO, NONE, THINK, Tags

PLAIN = Problem(prompt_ids=(1,), tags=MARCO)


def reply_of(
    script: Script,
    *,
    prefix: str = "",
    context_size: int = 4096,
    problem: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Reply:
    """Roll out a scripted model from the text `prefix`."""

    async def work() -> Reply:
        engine = scripted_engine(script, context_size=context_size)
        engine._thread = Inline()
        asked = replace(PLAIN, prompt_ids=engine.tokenize(PROMPT, special=True), **(problem or {}))
        start = Tokens.forced(engine.tokenize(prefix, special=True))
        try:
            return await rollout(asked, engine=engine, prefix=start, **settings)
        finally:
            await engine.close()

    return finished(work())


def test_a_reply_that_ends_by_itself_is_whole() -> None:
    """Thought, output, answer and scores of a greedy chain; nothing forced, nothing cut."""
    reply = reply_of(SUM)

    assert (reply.thought, reply.output) == ("Add.\n2+2 = 4.", "The answer is 4.")
    assert reply.answer is not None
    assert reply.answer.canonical == "4"
    assert reply.is_whole
    assert reply.has_tags
    assert reply.data == f"<Thought>\nAdd.\n2+2 = 4.\n{CLOSE}The answer is 4.\n</Output>".encode()
    assert reply.signals.num_tokens == len(reply.tokens)
    assert 0.9 < reply.signals.confidence < 1


def test_a_rollout_continues_the_prefix_and_keeps_its_tokens() -> None:
    """The prefix is part of the reply, with the scores it had."""
    reply = reply_of(SUM, prefix="<Thought>\nThink first.\n")

    assert reply.thought.startswith("Think first.")
    assert int((~reply.tokens.is_sampled).sum()) == len("<Thought>\nThink first.\n")


def test_a_sampled_rollout_depends_on_its_seed_alone() -> None:
    """Same seed, same reply; some other seed, another."""
    sampled = SamplingParams(temperature=1.0)
    texts = [reply_of(SUM, sampling=sampled, seed=seed).data for seed in (1, 1, 2, 3, 4, 5)]

    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


def endless(text: str) -> Mapping[str, float]:
    """Think for ever; answer when asked for the output."""
    reply = text.rpartition("assistant\n")[2]
    if reply.endswith("<Output>\n"):
        return {f"The answer is 7.\n</Output>{END}": 1.0}
    if reply == "":
        return {"<Thought>\n": 1.0}
    return {"more\n": 1.0} if reply.endswith("\n") and "</Thought>" not in reply else {}


def test_a_thought_that_does_not_end_is_closed_by_force() -> None:
    """At `max_tokens` less the reserve, the tags are fed and the output is written; the reply is marked."""
    reply = reply_of(endless, problem={"max_tokens": 120, "output_reserve": 40})

    assert reply.is_forced
    assert not reply.is_truncated
    assert reply.output == "The answer is 7."
    assert len(reply.tokens) <= 120
    closing = len("\n</Thought>\n<Output>\n")
    assert int((~reply.tokens.is_sampled).sum()) == closing
    assert reply.signals.num_tokens == len(reply.tokens) - closing


def test_the_reserve_is_at_most_half_of_a_small_budget() -> None:
    """A budget smaller than the reserve still leaves room to think and to answer."""
    reply = reply_of(endless, problem={"max_tokens": 100})

    assert reply.is_forced
    assert reply.output == "The answer is 7."
    assert len(reply.thought) > 15


WATCHED: dict[str, tuple[Script, dict[str, Any]]] = {
    "whole": (SUM, {}),
    "closed by force": (endless, {"problem": {"max_tokens": 120, "output_reserve": 40}}),
    "closed at the end of a step": (endless, {"problem": {"max_tokens": 114, "output_reserve": 40}}),
    "cut at the end of a step": (endless, {"problem": {"max_tokens": 110, "tags": NONE}}),
    "after a prefix": (SUM, {"prefix": "<Thought>\nThink first.\n"}),
}


@table(product(WATCHED, ["line", "mini32"]))
def test_a_reply_that_is_watched_is_the_same_reply(name: str, mode: StepMode) -> None:
    """Its listener sees it grow step by step, always a beginning of what it becomes, and changes nothing."""
    script, settings = WATCHED[name]
    seen: list[Tokens] = []
    alone = reply_of(script, **settings)
    watched = reply_of(script, on_step=StepListener(mode=mode, hear=seen.append), **settings)

    assert watched.tokens.ids.tolist() == alone.tokens.ids.tolist()
    assert watched.tokens.is_sampled.tolist() == alone.tokens.is_sampled.tolist()
    assert watched.tokens.logprobs.tolist() == pytest.approx(alone.tokens.logprobs.tolist(), nan_ok=True)
    for field in ("data", "thought", "output", "finish_reason", "is_forced", "is_truncated", "has_tags"):
        assert getattr(watched, field) == getattr(alone, field), field
    lengths = [len(tokens) for tokens in seen]
    assert lengths
    assert lengths == sorted(set(lengths))
    assert lengths[-1] < len(alone.tokens)
    assert all(tokens.ids.tolist() == alone.tokens.ids.tolist()[: len(tokens)] for tokens in seen)


@pytest.mark.parametrize(
    ("script", "settings", "times"),
    [
        (SUM, {}, 1),
        (lines({"": {"It is 4." + END: 1.0}}), {}, 1),
        (endless, {"problem": {"max_tokens": 120, "output_reserve": 40}}, 2),
    ],
    ids=["whole", "without tags, which only the whole tells", "before and after its close by force"],
)
def test_a_finished_reply_is_divided_once(
    script: Script, settings: dict[str, Any], times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long replies cost time in proportion to their length, once."""
    lengths: list[int] = []

    def counted(problem: Problem, pieces: Sequence[bytes], are_sampled: Sequence[bool]) -> Any:
        lengths.append(len(pieces))
        return read_whole(problem, pieces, are_sampled)

    monkeypatch.setattr(growing, "read_whole", counted)
    reply = reply_of(script, **settings)

    assert len(set(lengths)) == len(lengths) == times
    assert lengths[-1] == len(reply.tokens)


def test_the_context_is_the_limit_without_max_tokens() -> None:
    """Without a limit of its own, a reply may fill the context and not one token more."""
    reply = reply_of(endless, context_size=256)

    assert reply.is_forced
    assert reply.output
    assert len(PROMPT.encode()) < 256


def early_end(text: str) -> Mapping[str, float]:
    """End within the thought; answer when asked for the output."""
    reply = text.rpartition("assistant\n")[2]
    if reply.endswith("<Output>\n"):
        return {f"The answer is 7.\n</Output>{END}": 1.0}
    return {"<Thought>\nI stop here." + END: 1.0} if reply == "" else {}


def test_a_reply_that_ends_in_its_thought_gets_an_output() -> None:
    """An end token inside the thought is taken back, and the output is asked for."""
    reply = reply_of(early_end)

    assert reply.is_forced
    assert (reply.thought, reply.output) == ("I stop here.", "The answer is 7.")


def test_a_closed_thought_without_output_gets_only_the_opening_tag() -> None:
    """What the model has closed itself is not closed again."""

    def script(text: str) -> Mapping[str, float]:
        reply = text.rpartition("assistant\n")[2]
        if reply.endswith("<Output>\n"):
            return {f"7\n</Output>{END}": 1.0}
        return {"<Thought>\nSeven.\n</Thought>" + END: 1.0} if reply == "" else {}

    reply = reply_of(script)

    assert reply.data.count(b"</Thought>") == 1
    assert reply.output == "7"


def test_room_zero_gives_the_rollout_up() -> None:
    """Without room for an output there is none, and the reply claims nothing."""
    budget = Budget(clock=lambda: 0.0, stop=Stop(), tokens=1)
    budget.learn_output(1)
    budget.count(1)
    with budget.rollout() as limits:
        reply = reply_of(endless, limits=limits)

    assert (reply.output, reply.answer, reply.is_truncated) == ("", None, True)


def test_an_output_that_is_cut_is_marked() -> None:
    """A reply whose output reached the limit is truncated, and keeps what it said."""
    text = f"<Thought>\nx\n{CLOSE}" + "word " * 100
    reply = reply_of(lines({"": {text: 1.0}}), problem={"max_tokens": 150, "output_reserve": 60})

    assert reply.is_truncated
    assert not reply.is_forced
    assert reply.output.startswith("word")


def test_stop_texts_end_a_reply_and_are_no_part_of_it() -> None:
    """Also across tokens, and also in a format without tags."""
    reply = reply_of(lines({"": {"yes<STOP>no" + END: 1.0}}), problem={"tags": NONE, "stop_texts": ("<STOP>",)})

    assert reply.output == "yes"
    assert reply.is_whole


def test_a_prefilled_thought_belongs_to_the_reply() -> None:
    """What the prompt opened is read as part of the reply, though none of its tokens are."""
    script = lines({"": {f"Go on.\n{answer('3')}": 1.0}})
    reply = reply_of(script, problem={"prefill": "<Thought>\n"})

    assert (reply.thought, reply.output) == ("Go on.", "The answer is 3.")
    assert not reply.data.startswith(b"<Thought>")


def test_a_reply_without_any_tag_says_so() -> None:
    """A model that does not know the preset's tags is noticed; its text is the output."""
    reply = reply_of(lines({"": {"Just four." + END: 1.0}}))

    assert not reply.has_tags
    assert reply.output == "Just four."


def test_the_listener_hears_forced_tokens_too() -> None:
    """Whoever shows the reply as it grows sees the tags that were inserted."""
    heard: list[bytes] = []
    listener: Callable[[int, bytes], None] = lambda _token, piece: heard.append(piece)  # noqa: E731
    reply = reply_of(endless, problem={"max_tokens": 120, "output_reserve": 40}, on_token=listener)

    assert b"".join(heard) == reply.data


def test_a_prompt_that_leaves_no_room_is_refused() -> None:
    """Never a silent truncation: the error has the numbers."""
    with pytest.raises(ContextOverflowError):
        reply_of(SUM, context_size=20)
    with pytest.raises(ContextOverflowError):
        reply_of(SUM, context_size=256, problem={"max_tokens": 1000})


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        (MARCO, "\n</Thought>\n<Output>\n"),
        (THINK, "\n</think>\n"),
        (NONE, ""),
        (Tags(output_open="<answer>", output_close="</answer>"), "\n<answer>\n"),
    ],
)
def test_every_format_has_its_forced_close(tags: Tags, wanted: str) -> None:
    """What ends a thought is made of the format's own tags."""
    assert tags.closing() == wanted


def test_greedy_is_the_default() -> None:
    """Without a word about sampling, a rollout takes the most likely tokens."""
    assert reply_of(SUM).data == reply_of(SUM, sampling=GREEDY, seed=99).data


@pytest.mark.parametrize("ending", ["</Output>", END])
def test_a_prefix_that_has_ended_is_not_gone_on_with(ending: str) -> None:
    """A branch may begin with the token that ends the reply: nothing that the model says after it is part of it."""
    text = f"<Thought>\nA.\n{CLOSE}4\n{ending}"
    talkative = lines({text: {" And more.": 1.0}})
    reply = reply_of(talkative, prefix=text)

    assert (reply.output, reply.finish_reason, reply.is_truncated) == ("4", "eos", False)
    assert reply.data == text.removesuffix(END).encode()


def test_a_control_token_that_ends_nothing_is_gone_on_from() -> None:
    """Some formats write control tokens between their sections: only those that end the generation end a reply."""
    text = "<|im_start|>"
    reply = reply_of(lines({text: {f"The answer is 4.{END}": 1.0}}), prefix=text, problem={"tags": NONE})

    assert reply.output == "The answer is 4."


def test_a_thought_that_the_prefix_ended_still_gets_its_output() -> None:
    """A branch that ends the reply before its output is closed by force, as a rollout that ends there by itself is."""
    reply = reply_of(endless, prefix=f"<Thought>\nmore\n{END}")

    assert reply.is_forced
    assert reply.output == "The answer is 7."


def test_what_was_cut_by_force_is_no_false_equation_later_either() -> None:
    """A branch off a forced output is judged as the reply that was cut: its thought may end inside a number."""
    cut = "<Thought>\n12*12=14"
    first = reply_of(lines({}), prefix=cut, problem={"max_tokens": len(cut) + 40, "output_reserve": 40})
    later = reply_of(SUM, prefix=f"{cut}\n{CLOSE}The answer is 144.\n</Output>{END}")

    assert later.is_forced
    assert first.signals.false_equations == later.signals.false_equations == 0
