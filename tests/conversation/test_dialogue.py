import asyncio
from dataclasses import replace
from typing import Any

import pytest
from conversation.talk import THOUGHT, dialogue, turns
from loop import finished

from marco_cli.conversation.dialogue import Dialogue, retried
from marco_cli.conversation.turn import Conversation
from marco_cli.errors import ContextOverflowError, InputError
from marco_cli.plan import search_plan
from marco_cli.search.budget import Stop


def text_of(talk: Dialogue, ids: tuple[int, ...]) -> str:
    """Return what a prompt says, control tokens left out."""
    return talk.solver.engine.detokenize(ids).decode()


def test_a_turn_adds_question_and_output() -> None:
    """The reply is split: the output joins the history, the thought only the turn; its cost is counted."""

    async def work() -> None:
        talk = dialogue()
        taken = await talk.ask("Hello?")
        (turn,) = talk.conversation.turns

        assert taken.turn == turn
        assert (turn.question, turn.output, turn.thought) == ("Hello?", "Reply 1.", THOUGHT.strip())
        assert turn.cost.thought_tokens > len(THOUGHT) > turn.cost.output_tokens > 0
        assert turn.cost.decoded == turn.cost.thought_tokens + turn.cost.output_tokens
        assert turn.cost.first_token_seconds is not None
        await talk.close()

    finished(work())


def test_earlier_outputs_are_told_and_earlier_thoughts_are_not() -> None:
    """The second prompt holds the first question and its output, nothing of its thought."""

    async def work() -> None:
        talk = dialogue(prefix="Please: ")
        await talk.ask("One?")
        second = await talk.ask("Two?")
        prompt = text_of(talk, second.problem.prompt_ids)

        assert second.turn.output == "Reply 2."
        assert "Please: One?" in prompt
        assert "Reply 1." in prompt
        assert "wonder" not in prompt
        await talk.close()

    finished(work())


def test_a_turn_evaluates_the_last_output_and_the_new_question_and_nothing_older() -> None:
    """However long the conversation, what must be evaluated for the next turn is the same; warmed up, it is less."""

    async def prefilled(*, is_warmed: bool) -> list[int]:
        talk = dialogue()
        for _ in range(12):
            await talk.ask("And then?")
            if is_warmed:
                await talk.warm()
        await talk.close()
        return [turn.cost.prefilled for turn in talk.conversation.turns]

    cold = finished(prefilled(is_warmed=False))
    warm = finished(prefilled(is_warmed=True))

    question = len("And then?") + len("<|im_end|>\n<|im_start|>assistant\n")
    assert max(cold[1:]) <= len("Reply 12.") + len("<|im_end|>\n<|im_start|>user\n") + question
    assert max(warm[1:]) <= question


def test_warming_twice_costs_a_token() -> None:
    """What is known already is not evaluated again, but for the token whose logits every request asks for."""

    async def work() -> None:
        talk = dialogue()
        await talk.ask("Hello?")
        await talk.warm()
        before = talk.solver.engine.usage
        await talk.warm()

        assert talk.solver.engine.usage.prefilled - before.prefilled <= 1
        await talk.close()

    finished(work())


def test_thoughts_of_earlier_turns_are_forgotten() -> None:
    """Between turns the KV memory holds what the model will be told again, and not a cell more, however long that is."""

    async def work() -> None:
        talk = dialogue()
        cache = talk.solver.engine._scheduler.cache  # type: ignore[attr-defined]  # a scripted engine
        cache.num_idle_cells = 10
        for _ in range(3):
            await talk.ask("Hello?")
            await talk.warm()

            assert cache.cells == len(talk.known_prefix())
        cost = talk.conversation.turns[-1].cost
        assert cost.reused == cost.prompt_tokens - cost.prefilled > 2 * cost.prefilled
        await talk.close()

    finished(work())


def test_a_full_context_drops_the_oldest_turns() -> None:
    """What does not fit any more goes, oldest first; the turn says how much, and the model is told the rest."""

    async def work() -> None:
        talk = dialogue(turns(10, length=30), context_size=1024)
        taken = await talk.ask("Still there? " * 8)

        assert talk.prompt_limit == 512
        assert 0 < taken.num_dropped == talk.conversation.num_dropped < 10
        assert len(taken.problem.prompt_ids) <= talk.prompt_limit
        assert "9 xx" in text_of(talk, taken.problem.prompt_ids)
        assert "0 xx" not in text_of(talk, taken.problem.prompt_ids)
        assert len(talk.conversation.turns) == 11
        await talk.close()

    finished(work())


def test_room_is_made_between_turns() -> None:
    """A history that leaves less than an eighth for the next question is cut before it is asked, one that leaves more is not."""

    async def work() -> None:
        crowded = dialogue(turns(5, length=40), context_size=1024)
        roomy = dialogue(turns(4, length=40), context_size=1024)

        assert crowded.make_room() == crowded.conversation.num_dropped > 0
        assert roomy.make_room() == 0
        assert len(crowded.known_prefix()) < crowded.prompt_limit // 2
        await crowded.close()
        await roomy.close()

    finished(work())


@pytest.mark.parametrize("question", [" ", "long " * 200])
def test_a_question_that_cannot_be_asked_changes_nothing(question: str) -> None:
    """A blank question, or one that fits in no context, leaves the conversation as it was, dropped turns included."""

    async def work() -> None:
        talk = dialogue(turns(3), context_size=1024)
        with pytest.raises((InputError, ContextOverflowError)):
            await talk.ask(question)

        assert talk.conversation == turns(3)
        await talk.close()

    finished(work())


def test_a_cancelled_turn_changes_nothing_and_the_next_one_works() -> None:
    """Giving a turn up leaves neither a half turn nor a stuck engine behind."""

    async def work() -> None:
        talk = dialogue(turns(1))
        task: asyncio.Task[object] | None = None

        def cancel(_token: int, _piece: bytes) -> None:
            assert task is not None
            task.cancel()

        task = asyncio.ensure_future(talk.ask("Hello?", on_token=cancel))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert talk.conversation == turns(1)
        assert (await talk.ask("Hello?")).turn.output == "Reply 2."
        await talk.close()

    finished(work())


def test_a_stopped_turn_answers_from_what_there_is() -> None:
    """A stop in the middle of the thought closes it by force; what the model then says is the output."""

    async def work() -> None:
        talk = dialogue()
        stop = Stop()
        heard: list[bytes] = []

        def hear(_token: int, piece: bytes) -> None:
            heard.append(piece)
            if len(heard) == 50:
                stop.set()

        taken = await talk.ask("Hello?", on_token=hear, stop=stop)

        assert taken.result.stop_reason == "stopped"
        assert taken.turn.thought
        assert len(taken.turn.thought) < len(THOUGHT)
        assert taken.is_kept == bool(taken.turn.output)
        await talk.close()

    finished(work())


def test_a_reply_without_output_is_not_told_later() -> None:
    """A reply that ends within its thought is handed over, but no turn of the conversation."""

    async def work() -> None:
        talk = dialogue(max_tokens=20, output_reserve=0)
        taken = await talk.ask("Hello?")

        assert not taken.is_kept
        assert talk.conversation == Conversation()
        await talk.close()

    finished(work())


def test_a_turn_can_replace_the_last_one() -> None:
    """Asked in place of the last turn, a question sees the history before it."""

    async def work() -> None:
        talk = dialogue()
        await talk.ask("One?")
        await talk.ask("Two?")
        again = await talk.ask("Zwei?", replaces_last=True)

        assert again.turn.output == "Reply 2."
        assert [turn.question for turn in talk.conversation.turns] == ["One?", "Zwei?"]
        await talk.close()

    finished(work())


def test_settings_for_one_turn_are_for_one_turn() -> None:
    """What a turn is asked with does not stay."""

    async def work() -> None:
        talk = dialogue()
        plan = search_plan(replace(talk.plan.settings, system="Be brief."))
        taken = await talk.ask("One?", plan=plan)

        assert "Be brief." in text_of(talk, taken.problem.prompt_ids)
        assert "Be brief." not in text_of(talk, (await talk.ask("Two?")).problem.prompt_ids)
        await talk.close()

    finished(work())


@pytest.mark.parametrize(
    ("given", "strategy"),
    [
        ({"effort": None}, "sample"),
        ({"effort": "none"}, "sample"),
        ({"effort": "high"}, None),
        ({"temperature": 0.0}, "sample"),
    ],
)
def test_a_retry_is_sampled_with_a_seed_of_its_own(given: dict[str, Any], strategy: str | None) -> None:
    """A greedy chain would only say the same again: a retry draws, each attempt from another stream."""

    async def work() -> None:
        talk = dialogue(**given)
        plan = talk.plan
        first, second = retried(plan, 1), retried(plan, 2)

        assert len({plan.config.seed, first.config.seed, second.config.seed}) == 3
        assert first.config.sampling.temperature
        assert first.settings.strategy == strategy
        await talk.close()

    finished(work())
