"""The switch for thinking that a chat template offers, found by trying.

In: a template and whether the model is to think. Out: what to add to the variables, to the messages or to the beginning of the
reply. Templates offer variables (`enable_thinking`, `reasoning_effort`), or look into messages for a word (`/no_think`); where
one offers neither but opens the thought itself, closing it at once skips it, as Qwen3's template does (see also arXiv 2504.09858).
A switch counts when it changes the rendered prompt: a variable that the template only mentions does not.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from marco_cli.errors import ConfigError
from marco_cli.prompt.base import Message, Prompt
from marco_cli.prompt.template import render
from marco_cli.prompt.worker import template_contents

Think = Literal["on", "off", "auto"]

# Name → values that turn thinking on, values that turn it off, the best first. Texts count where the template has them.
_VARIABLES: Mapping[str, tuple[tuple[object, ...], tuple[object, ...]]] = {
    "enable_thinking": ((True,), (False,)),
    "thinking": ((True,), (False,)),
    "thinking_mode": (("enabled", "on", "thinking"), ("disabled", "off", "chat")),
    "thinking_option": (("on",), ("off",)),
    "reasoning_effort": (("high", "medium"), ("none", "no_think")),
    "add_thoughts": ((True,), (False,)),
}
# Names of efforts without an end → the most and the least.
_EFFORTS: Mapping[str, tuple[str, str]] = {
    "reasoning_effort": ("high", "low"),
    "thinking_effort": ("high", "low"),
    "reasoning_strength": ("high", "low"),
}
_WORDS = (("/think", "/no_think"), ("/think", "/nothink"), ("detailed thinking on", "detailed thinking off"))
_THOUGHT = r"[\w:]*(?:think|thought|reason)[\w:]*"
_OPENED = re.compile(rf"(<{_THOUGHT}>|\[{_THOUGHT}\]|<\|START_{_THOUGHT}\|>)\s*\Z", re.IGNORECASE)
_QUESTION = "q"
_PLACES: tuple[Literal["user", "system"], ...] = ("user", "system")


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """How thinking is turned on or off in one template."""

    variables: Mapping[str, object] = field(default_factory=dict)
    word: str = ""
    """Said at the end of the question, or of the system message."""
    place: Literal["user", "system"] = "user"
    is_without_prefill: bool = False
    """Whether the prefill has to go, since it would open a thought again."""
    skip: str = ""
    """What closes the thought that prompt and prefill open."""
    notice: str | None = None
    """Why thinking is not quite as was wished."""

    def applied(self, prompt: Prompt) -> Prompt:
        """Return the prompt with the word and the closed thought in it."""
        messages = list(prompt.messages)
        if self.word and self.place == "user":
            messages[-1] = _with_word(messages[-1], self.word)
        elif self.word and messages[0].role == "system":
            messages[0] = _with_word(messages[0], self.word)
        elif self.word:
            messages.insert(0, Message(role="system", content=self.word))
        prefill = "" if self.is_without_prefill else prompt.prefill
        return replace(prompt, messages=tuple(messages), prefill=prefill + self.skip)


def find_switch(
    template: str, think: Think, *, variables: Mapping[str, object], prefill: str, bos: str, eos: str
) -> Switch:
    """Find the switch of a template for a wish; `auto` wishes nothing. A switch among the `variables` stays as it is.

    Raises:
        ConfigError: the template cannot be used.
    """
    if think == "auto":
        return Switch()
    names, constants = template_contents(template)
    trial = _Trial(template=template, variables=variables, bos=bos, eos=eos, prefill=prefill)
    wish = ("on", "off").index(think)
    switch = _variable(trial, wish, names, constants) or _word(trial, wish, constants)
    if switch is not None:
        # The prefill must not open the thought again.
        return replace(switch, is_without_prefill=think == "off" and _OPENED.search(prefill) is not None)
    opened = _OPENED.search(trial.text())
    if think == "off" and opened is not None:
        return Switch(skip=_closing(trial.text(), opened[1]))
    effort = _effort(trial, wish, names)
    if effort is not None:
        return effort
    if think == "on" and opened is not None:
        return Switch()
    return Switch(notice=f"--think {think}: the chat template offers no switch for it")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """A short question in a template, to be rendered in various ways."""

    template: str
    variables: Mapping[str, object]
    bos: str
    eos: str
    prefill: str

    def text(
        self,
        variables: Mapping[str, object] = MappingProxyType({}),
        *,
        question: str = _QUESTION,
        system: str | None = None,
    ) -> str:
        """Return the rendered prompt.

        Raises:
            ConfigError: the template refuses it.
        """
        opening = () if system is None else (Message(role="system", content=system),)
        prompt = Prompt(messages=(*opening, Message(role="user", content=question)), prefill=self.prefill)
        given = {**self.variables, **variables}
        return render(prompt, self.template, bos=self.bos, eos=self.eos, variables=given).text

    def try_text(self, variables: Mapping[str, object] = MappingProxyType({}), **said: str) -> str | None:
        """Return the rendered prompt, with another `question` or `system` message; None where the template refuses it."""
        try:
            return self.text(variables, **said)
        except ConfigError:
            return None


def _variable(trial: _Trial, wish: int, names: frozenset[str], constants: Sequence[str]) -> Switch | None:
    for name, values in _VARIABLES.items():
        if name not in names or name in trial.variables:
            continue
        known = [[each for each in side if not isinstance(each, str) or each in constants] for side in values]
        for chosen, other in ((mine, its) for mine in known[wish] for its in known[1 - wish]):
            text = trial.try_text({name: chosen})
            if text is not None and text != trial.try_text({name: other}):
                return Switch(variables={name: chosen})
    return None


def _word(trial: _Trial, wish: int, constants: Sequence[str]) -> Switch | None:
    for words in _WORDS:
        if not all(any(word in constant for constant in constants) for word in words):
            continue
        word = words[wish]
        for place in _PLACES:
            texts = [_said(trial, each, place) for each in words]
            if None not in texts and texts[0] != texts[1]:
                return Switch(word=word, place=place)
    return None


def _said(trial: _Trial, word: str, place: str) -> str | None:
    """Return what the template makes of a word, without the word itself: the same for all that it does not look for."""
    is_user = place == "user"
    text = trial.try_text(question=f"{_QUESTION} {word}") if is_user else trial.try_text(system=word)
    return None if text is None else text.replace(word, "")


def _effort(trial: _Trial, wish: int, names: frozenset[str]) -> Switch | None:
    for name, efforts in _EFFORTS.items():
        if name not in names or name in trial.variables:
            continue
        text = trial.try_text({name: efforts[wish]})
        if text is None or text == trial.try_text({name: efforts[1 - wish]}):
            continue
        value = {name: efforts[wish]}
        if wish == 0:
            return Switch(variables=value)
        notice = f"--think off: the chat template offers efforts only: {name}={efforts[wish]}"
        return Switch(variables=value, notice=notice)
    return None


def _closing(text: str, opening: str) -> str:
    """Return what makes an opened thought an empty one, on lines of its own."""
    closing = opening.replace("START_", "END_") if "START_" in opening else opening[0] + "/" + opening[1:]
    return ("\n" if text.endswith("\n") else "\n\n") + closing + "\n\n"


def _with_word(message: Message, word: str) -> Message:
    return replace(message, content=f"{message.content} {word}" if message.content.strip() else word)
