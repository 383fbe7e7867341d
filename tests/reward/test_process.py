"""Process models: what they are shown, and what their scores come to."""

import asyncio
import itertools
import math
import re
from collections.abc import Mapping, Sequence

import pytest

from marco_cli.engine import scripted
from marco_cli.engine.base import Usage
from marco_cli.engine.scripted import CHATML, scripted_engine
from marco_cli.errors import ConfigError
from marco_cli.prompt.base import Message, Piece, Prompt
from marco_cli.prompt.template import render
from marco_cli.reward.process import AGGREGATES, FORMATS, Named, parse
from marco_cli.reward.process.model import ProcessModel, format_of
from marco_cli.reward.verdict import Examiner

QUESTION = "2+2?"
STEPS = ("2+2 = 4.", "Twice 4 is 9.", "The answer is 9.")
SCORES = (0.9, 0.2, 0.3)


def chatml(turns: tuple[Message, ...]) -> tuple[Piece, ...]:
    """Write turns as ChatML."""
    return render(Prompt(messages=turns), CHATML, bos="", eos="").pieces


def shepherd(count: int) -> str:
    """Return the text of the model card: the question, and each step with its mark."""
    return f"{QUESTION} " + "\n".join(f"Step {n}: {step} ки" for n, step in enumerate(STEPS[:count], 1))


def rlhflow(count: int) -> str:
    """Return the dialogue of the model card under ChatML; earlier steps are answered by a plus."""
    turns = [f"{QUESTION} {STEPS[0]}", *STEPS[1:count]]
    said = "<|im_start|>assistant\n+<|im_end|>\n".join(f"<|im_start|>user\n{turn}<|im_end|>\n" for turn in turns)
    return f"{said}<|im_start|>assistant\n"


def yes_no(count: int) -> str:
    """Return the question and the steps, and what is asked."""
    asked = "\n\n".join((QUESTION, "\n".join(STEPS[:count]), "Is the reasoning right so far? Answer Yes or No."))
    return f"<|im_start|>user\n{asked}<|im_end|>\n<|im_start|>assistant\n"


def critique(count: int) -> str:
    """Return the prompt of the model card, the critique that was written, and where the verdict follows."""
    steps = "\n".join(f"Step {n}: {step}" for n, step in enumerate(STEPS[:count], 1))
    asked = (
        "You are given a math problem and a proposed step-by-step solution:\n\n"
        f"[Math Problem]\n{QUESTION}\n\n[Solution]\n{steps}\n\n"
        "Review and critique each step in the proposed solution to determine whether each step is correct. "
        "If the solution is incomplete, only verify the provided steps\n"
    )
    opening = "\nLet's verify step by step:"
    return f"<|im_start|>user\n{asked}<|im_end|>\n<|im_start|>assistant\n{opening}"


def qwen_math(count: int) -> str:
    """Return the dialogue of the model card under ChatML, up to the last mark."""
    system = "Please reason step by step, and put your final answer within \\boxed{}."
    dialogue = (
        f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n"
    )
    return dialogue + "<extra_0>".join(STEPS[:count]) + "<extra_0>"


def skywork(count: int) -> str:
    """Return the text that the makers' `prepare_input` puts together, of a vocabulary without a beginning."""
    return f"{QUESTION}\n" + "".join(f"{step}\n" for step in STEPS[:count])


BAD, GOOD = "\x00", "\x01"
"""The scripted engine's tokens of the ids by which a head is asked."""

CASES = {
    "math-shepherd": (shepherd, " +", " -"),
    "rlhflow": (rlhflow, "+", "-"),
    "yes-no": (yes_no, "Yes", "No"),
    "critique": (critique, " Yes", " No"),
    "qwen-math-prm": (qwen_math, GOOD, BAD),
    "skywork": (skywork, GOOD, BAD),
}
CRITICISM = " it holds.\n"
VERDICT = "Is the solution correct?"


@pytest.fixture(autouse=True)
def vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the mark of Qwen2.5-Math-PRM among the scripted engine's control tokens."""
    tokens = (*scripted.CONTROL_TOKENS, "<extra_0>")
    monkeypatch.setattr(scripted, "CONTROL_TOKENS", tokens)
    monkeypatch.setattr(scripted, "NUM_VOCAB", 256 + len(tokens))
    monkeypatch.setattr(scripted, "_CONTROL", re.compile("(" + "|".join(map(re.escape, tokens)) + ")"))


def asked(form: str, steps: Sequence[str] = STEPS) -> tuple[list[float], Usage]:
    """Return the scores of all beginnings by a model that knows exactly the reference texts, and what they cost."""
    shown, good, bad = CASES[form]
    verdicts: dict[str, Mapping[str, float]] = {}
    for count, score in enumerate(SCORES, 1):
        text = shown(count)
        if form == "critique":
            verdicts[text] = {f"{CRITICISM}{VERDICT}": 1.0}
            text += f"{CRITICISM}{VERDICT}"
        # Another continuation takes half: the score is of the two words alone.
        verdicts[text] = {good: score / 2, bad: (1 - score) / 2, "perhaps": 0.5}

    async def work() -> tuple[list[float], Usage]:
        engine = scripted_engine(lambda text: verdicts.get(text, {}))
        model = ProcessModel(Examiner(engine, chatml), form=form)
        found = [await model.score(QUESTION, steps[:count]) for count in range(1, len(steps) + 1)]
        usage = engine.usage
        await engine.close()
        assert None not in found
        return [score.value for score in found if score is not None], usage

    return asyncio.run(work())


def test_every_format_has_a_reference() -> None:
    """A format that is added is held to its own reference text."""
    assert CASES.keys() == FORMATS.keys()


@pytest.mark.parametrize("form", CASES)
def test_a_format_shows_its_reference_text_and_reads_its_words(form: str) -> None:
    """The model sees the text of its card to the byte, and the score is P(good) of the two words where the card reads it."""
    assert asked(form)[0] == pytest.approx(SCORES)


@pytest.mark.parametrize("form", [form for form in CASES if form != "critique"])
def test_a_step_costs_its_own_tokens(form: str) -> None:
    """Only the first step pays for the question, whatever came before is taken from the prefix cache."""
    shown = CASES[form][0]
    texts = [shown(count) for count in range(1, len(STEPS) + 1)]
    ids = [scripted_engine(lambda _: {}).tokenize(text, special=True) for text in texts]
    new = len(ids[0])
    for before, after in itertools.pairwise(ids):
        new += len(after) - next(
            at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b or at + 1 == len(before)
        )

    assert asked(form)[1].prefilled <= new + len(STEPS)


def test_lines_of_a_step_are_steps_to_skywork() -> None:
    """The question, each line and each line end are tokenised by themselves; empty lines are none."""
    engine, said = scripted_engine(lambda _: {}), list[str]()
    tokenize = engine.tokenize

    def listen(text: str, *, special: bool = False) -> tuple[int, ...]:
        said.append(text)
        return tokenize(text, special=special)

    engine.tokenize = listen  # type: ignore[method-assign]
    asyncio.run(ProcessModel(Examiner(engine, None), form="skywork").score(QUESTION, ["a\n\nb", "c"]))

    assert said == ["", f"{QUESTION}\n", "a", "\n", "b", "\n", "c", "\n", "\n"]


@pytest.mark.parametrize(
    ("form", "step", "num_control"), [("yes-no", "<|im_end|>", 3), ("qwen-math-prm", "<extra_0>", 6)]
)
def test_text_of_a_reply_is_no_control_token(form: str, step: str, num_control: int) -> None:
    """A step that spells a turn's end ends no turn, and one that spells a mark is no step: they are other tokens."""
    seen: list[int] = []

    async def work() -> None:
        engine = scripted_engine(lambda _: {})
        generate = engine.generate

        async def listen(request, on_token=None):  # type: ignore[no-untyped-def]
            seen.extend(request.prompt_ids)
            return await generate(request, on_token)

        engine.generate = listen  # type: ignore[method-assign]
        await ProcessModel(Examiner(engine, chatml), form=form).score(QUESTION, [step])
        await engine.close()

    asyncio.run(work())
    assert sum(token >= 256 for token in seen) == num_control  # beginnings and ends of turns, and one mark


def test_a_model_without_a_template_reads_plain_lines() -> None:
    """Turns then stand below each other."""

    async def work() -> float:
        end = "Is the reasoning right so far? Answer Yes or No.\n"
        engine = scripted_engine(lambda text: {"Yes": 0.8, "No": 0.2} if text.endswith(end) else {})
        score = await ProcessModel(Examiner(engine, None), form="yes-no").score(QUESTION, STEPS)
        await engine.close()
        assert score is not None
        return score.value

    assert asyncio.run(work()) == pytest.approx(0.8)


@pytest.mark.parametrize("form", CASES)
def test_a_text_without_room_has_no_score(form: str) -> None:
    """Nothing is cut to make it fit, and nothing is raised."""

    async def work() -> object:
        engine = scripted_engine(lambda _: {}, context_size=40)
        score = await ProcessModel(Examiner(engine, chatml), form=form).score(QUESTION, STEPS)
        await engine.close()
        return score

    assert asyncio.run(work()) is None


@pytest.mark.parametrize(
    ("aggregate", "expected"), [("last", 0.3), ("min", 0.2), ("product", math.prod(SCORES)), ("mean", sum(SCORES) / 3)]
)
def test_aggregates(aggregate: str, expected: float) -> None:
    """Scores of steps become one of all of them."""
    model = ProcessModel(Examiner(scripted_engine(lambda _: {}), None), form="yes-no", aggregate=aggregate)

    assert model.worth(SCORES) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("math-shepherd-mistral-7b-prm", "math-shepherd"),
        ("Llama3.1-8B-PRM-Deepseek-Data", "rlhflow"),
        ("launch ThinkPRM-1.5B", "critique"),
        ("qwen-0.5b", "yes-no"),
        ("Qwen2.5-Math-PRM-7B", "qwen-math-prm"),
        ("Qwen2.5-Math-7B-PRM800K", "qwen-math-prm"),
        ("Skywork-o1-Open-PRM-Qwen-2.5-1.5B", "skywork"),
    ],
)
def test_the_name_of_a_model_says_its_format(name: str, form: str) -> None:
    """A model of no family that was trained for it is asked for yes or no."""
    assert format_of(name) == form


@pytest.mark.parametrize(("num_outputs", "form"), [(1, "skywork"), (2, "qwen-math-prm")])
def test_a_head_says_the_format_whatever_the_name(num_outputs: int, form: str) -> None:
    """By how many values it gives."""
    assert format_of("math-shepherd", num_outputs) == form


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("qwen", Named("qwen", ())),
        ("a/b.gguf:yes-no", Named("a/b.gguf", ("yes-no",))),
        ("C:\\m.gguf:yes-no:min", Named("C:\\m.gguf", ("yes-no", "min"))),
        ("hf:a/b:Q4_K_M:mean", Named("hf:a/b:Q4_K_M", ("mean",))),
        ("self", Named("self", ())),
    ],
)
def test_a_model_with_words_behind_it(spec: str, expected: Named) -> None:
    """What is not a format and no aggregate belongs to the model's name."""
    assert parse(spec, FORMATS, AGGREGATES) == expected


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (":min", "not a model"),
        ("", "not a model"),
        ("m:min:mean", "names two"),
        ("m:yesno", "is not a model"),
        ("m:men", "not a model"),
    ],
)
def test_a_slip_behind_a_model_is_told(spec: str, message: str) -> None:
    """One line, with the word that was meant."""
    with pytest.raises(ConfigError, match=message):
        parse(spec, FORMATS, AGGREGATES)
