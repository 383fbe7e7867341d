import pytest

from marco_cli.prompt.base import Message, Prompt
from marco_cli.prompt.template import render
from marco_cli.prompt.thinking import Think, find_switch

FRAME = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
VARIABLE = FRAME + "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}"
MENTIONED = FRAME + "{% set enable_thinking = true %}{% if enable_thinking %}{% endif %}"
TEXTS = FRAME + "{% if reasoning_effort == 'none' %}[no]{% elif reasoning_effort == 'high' %}[yes]{% endif %}"
EFFORT = FRAME + "{{ reasoning_effort | default('medium') }}"
WORD = (
    "{% set ns = namespace(on=true) %}{% for m in messages %}{% if '/no_think' in m.content %}{% set ns.on = false %}"
    "{% elif '/think' in m.content %}{% set ns.on = true %}{% endif %}"
    "<{{ m.role }}>{{ m.content.replace('/no_think', '').replace('/think', '').strip() }}{% endfor %}"
    "<assistant>{% if ns.on %}<think>{% else %}<think></think>{% endif %}"
)
SYSTEM_WORD = (
    "{% if messages[0].role == 'system' and '/no_think' in messages[0].content %}off{% else %}on{# /think #}{{ '' if '/think' else '' }}"
    "{% endif %}" + FRAME
)
OPENED = FRAME + "<think>{{ '\\n' }}"


def asked(template: str, think: Think, *, prefill: str = "", **variables: object) -> tuple[str, str | None]:
    """Return the prompt for `q` with the switch turned, and the notice."""
    switch = find_switch(template, think, variables=variables, prefill=prefill, bos="", eos="")
    prompt = switch.applied(Prompt(messages=(Message(role="user", content="q"),), prefill=prefill))
    return render(prompt, template, bos="", eos="", variables={**variables, **switch.variables}).text, switch.notice


@pytest.mark.parametrize(
    ("template", "think", "prefill", "text"),
    [
        (VARIABLE, "on", "", "<user>q<assistant>"),
        (VARIABLE, "off", "", "<user>q<assistant><think>\n\n</think>\n\n"),
        (VARIABLE, "off", "<think>\n", "<user>q<assistant><think>\n\n</think>\n\n"),
        (VARIABLE, "auto", "", "<user>q<assistant>"),
        (TEXTS, "on", "", "<user>q<assistant>[yes]"),
        (TEXTS, "off", "", "<user>q<assistant>[no]"),
        (EFFORT, "on", "", "<user>q<assistant>high"),
        (WORD, "on", "", "<user>q<assistant><think>"),
        (WORD, "off", "", "<user>q<assistant><think></think>"),
        (SYSTEM_WORD, "off", "", "off<system>/no_think<user>q<assistant>"),
        (OPENED, "on", "", "<user>q<assistant><think>\n"),
        (OPENED, "off", "", "<user>q<assistant><think>\n\n</think>\n\n"),
        (OPENED, "off", "<think>\n", "<user>q<assistant><think>\n\n</think>\n\n"),
        (FRAME, "off", "<Thought>\n", "<user>q<assistant><Thought>\n\n</Thought>\n\n"),
        (FRAME, "off", "[THINK]", "<user>q<assistant>[THINK]\n\n[/THINK]\n\n"),
    ],
)
def test_the_switch_that_the_template_offers_is_turned(template: str, think: Think, prefill: str, text: str) -> None:
    """A variable, a word in a message, or a thought that is closed at once; no prefill opens it again."""
    assert asked(template, think, prefill=prefill) == (text, None)


@pytest.mark.parametrize("template", [FRAME, MENTIONED])
@pytest.mark.parametrize("think", ["on", "off"])
def test_a_template_without_a_switch_is_told(template: str, think: Think) -> None:
    """A variable that is only mentioned is not one; the prompt stays as it is."""
    assert asked(template, think) == (
        "<user>q<assistant>",
        f"--think {think}: the chat template offers no switch for it",
    )


def test_the_least_effort_is_not_sold_as_none() -> None:
    """gpt-oss cannot be kept from thinking: it is asked for the least, and a line says so."""
    assert asked(EFFORT, "off") == (
        "<user>q<assistant>low",
        "--think off: the chat template offers efforts only: reasoning_effort=low",
    )


def test_a_variable_that_the_user_sets_stays() -> None:
    """`--template-var` is the more precise wish."""
    assert asked(VARIABLE, "off", enable_thinking=True)[0] == "<user>q<assistant>"
