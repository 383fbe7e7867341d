"""What is evaluated before a question is sent, and what it spares."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from conversation.talk import dialogue, turns
from tables import table

from marco_cli.conversation.anticipation import Anticipation
from marco_cli.conversation.dialogue import Dialogue


async def rest() -> None:
    """Let everything go on that can."""
    for _ in range(200):
        await asyncio.sleep(0)


def hold(work: Callable[[Dialogue, Anticipation], Awaitable[None]], talk: Dialogue | None = None) -> None:
    """Work ahead during a piece of a conversation, without waiting for pauses of typing."""

    async def held() -> None:
        opened = talk or dialogue()
        ahead = Anticipation(opened, pause=0)
        ahead.begin()
        await rest()
        await work(opened, ahead)
        await ahead.end()
        await opened.close()

    asyncio.run(held())


def test_a_question_that_was_typed_ahead_costs_one_token() -> None:
    """Whatever the length of the conversation, sending evaluates the token whose logits begin the reply, and no other."""

    async def work(talk: Dialogue, ahead: Anticipation) -> None:
        for number in range(12):
            ahead.begin()
            ahead.hear(f"And {number}?")
            await rest()
            await ahead.end()
            taken = await talk.ask(f"And {number}?")

            assert taken.turn.output == f"Reply {number + 1}."
            assert taken.turn.cost.prefilled == 1

    hold(work)


def test_typing_on_keeps_what_was_typed() -> None:
    """After a pause in the middle of a text, only what follows is evaluated, and the end of the prompt."""

    async def work(talk: Dialogue, ahead: Anticipation) -> None:
        text = "A long question that goes on and on"
        ahead.hear(text)
        await rest()
        before = talk.solver.engine.usage.prefilled
        ahead.hear(f"{text} and on")
        await rest()

        assert talk.solver.engine.usage.prefilled - before <= len(" and on<|im_end|>\n<|im_start|>assistant\n") + 1

    hold(work)


def test_another_question_than_the_one_typed_is_answered_as_ever() -> None:
    """What was evaluated for a text that is not sent changes no reply, and is not told."""

    async def work(talk: Dialogue, ahead: Anticipation) -> None:
        ahead.hear("Something else entirely")
        await rest()
        await ahead.end()
        taken = await talk.ask("Hello?")
        prompt = talk.solver.engine.detokenize(taken.problem.prompt_ids)

        assert taken.turn.output == "Reply 1."
        assert b"entirely" not in prompt

    hold(work)


def test_a_question_in_place_of_the_last_is_known_as_such() -> None:
    """While the last question is changed, its turn is not part of what is evaluated."""

    async def work(talk: Dialogue, ahead: Anticipation) -> None:
        await ahead.end()
        await talk.ask("One?")
        await talk.ask("Two?")
        ahead.begin()
        ahead.hear("Three?", replaces_last=True)
        await rest()
        await ahead.end()
        taken = await talk.ask("Three?", replaces_last=True)

        assert taken.turn.output == "Reply 2."
        assert taken.turn.cost.prefilled == 1

    hold(work)


@table(["/help", "/nonsense", "/edit a", "  ", "", "x" * 100_000])
def test_what_is_no_question_yet_disturbs_nothing(line: str) -> None:
    """Commands, blanks and texts without end evaluate nothing that must be read again, and the next text is heard."""

    async def work(talk: Dialogue, ahead: Anticipation) -> None:
        before = talk.solver.engine.usage.prefilled
        ahead.hear(line)
        await rest()
        assert talk.solver.engine.usage.prefilled - before <= 1
        ahead.hear("Hello?")
        await rest()
        await ahead.end()

        assert (await talk.ask("Hello?")).turn.cost.prefilled == 1

    hold(work, dialogue(turns(3)))


def test_keys_in_quick_succession_are_one_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is evaluated from key to key: only when no key came for a while."""
    heard: list[str] = []
    pauses: list[asyncio.Future[None]] = []
    turn = asyncio.sleep

    async def warm(_: Dialogue, question: str = "", **__: object) -> None:
        heard.append(question)

    async def sleep(seconds: float) -> None:
        """Pause until the test says that the time is over."""
        if seconds == 0:
            return await turn(0)
        pauses.append(asyncio.get_running_loop().create_future())
        return await pauses[-1]

    async def work() -> None:
        talk = dialogue()
        monkeypatch.setattr(Dialogue, "warm", warm)
        monkeypatch.setattr(asyncio, "sleep", sleep)
        ahead = Anticipation(talk)
        ahead.begin()
        for length in range(1, 7):
            ahead.hear("Hello?"[:length])
            await rest()
            if length > 1:  # this key came while the pause after the last one ran
                pauses.pop().set_result(None)
                await rest()
            assert heard == [""]
        pauses.pop().set_result(None)
        await rest()
        await ahead.end()
        await talk.close()

    asyncio.run(work())
    assert heard == ["", "Hello?"]


def test_beginning_again_goes_on_and_ending_twice_is_harmless() -> None:
    """Lines that are not turns leave what is under way alone."""

    async def work(talk: Dialogue, ahead: Anticipation) -> None:
        before = talk.solver.engine.usage.prefilled
        ahead.begin()
        await rest()
        assert talk.solver.engine.usage.prefilled == before
        await ahead.end()
        await ahead.end()

    hold(work)
