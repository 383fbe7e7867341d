"""How a question is put to a model: the settings' texts and switches, and the chat template of the model.

In: a question or messages. Out: a `Prompt`, its rendered text, and token ids. Answers, `marco prompt` and `marco doctor` go
through here, so that what is shown and checked is what is asked.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from marco_cli.config.option import TypedPairs, typed_values
from marco_cli.config.settings import Settings
from marco_cli.engine.base import ModelInfo
from marco_cli.errors import nearest
from marco_cli.prompt.base import Message, Piece, Prompt, compose, encode
from marco_cli.prompt.template import Rendered, choose_template, render
from marco_cli.prompt.thinking import Switch, Think, find_switch
from marco_cli.prompt.worker import template_contents

Tokenize = Callable[[str, bool], tuple[int, ...]]
"""(text, whether control tokens are recognised) → ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrasing:
    """Settings beside what a model says of itself."""

    settings: Settings
    info: ModelInfo

    @property
    def template(self) -> str:
        """The chat template in use.

        Raises:
            ConfigError: neither the settings nor the model have one.
        """
        return choose_template(self.settings.chat_template, self.info.chat_template)

    @property
    def notices(self) -> tuple[str, ...]:
        """What was wished of the template and is not to be had, one line each."""
        asked = [name for name, _ in self.settings.template_var]
        if not asked and self.settings.think == "auto":
            return ()
        names = template_contents(self.template)[0]
        unread = [
            f"template_var: the chat template reads no {name}{_near(name, names)}"
            for name in asked
            if name not in names
        ]
        return tuple(filter(None, (*unread, self._switch.notice)))

    def prompt(self, question: str, *, history: tuple[Message, ...] = ()) -> Prompt:
        """Put the settings' texts around a question, and the switch for thinking where it belongs.

        Raises:
            InputError: the question is empty or no text.
            ConfigError: the model has no usable chat template.
        """
        settings = self.settings
        prompt = compose(
            question,
            system=settings.system,
            prefix=settings.prefix,
            suffix=settings.suffix,
            variables=settings.variables,
            prefill=settings.prefill,
            history=history,
        )
        return self._switch.applied(prompt)

    def render(self, prompt: Prompt) -> Rendered:
        """Return the prompt as the chat template writes it.

        Raises:
            ConfigError: see `template.render`.
        """
        variables: Mapping[str, object] = {**typed_values(self.settings.template_var), **self._switch.variables}
        return render(prompt, self.template, bos=self.info.bos_text, eos=self.info.eos_text, variables=variables)

    def encode(self, rendered: Rendered, tokenize: Tokenize, is_control: Callable[[int], bool]) -> tuple[int, ...]:
        """Return the token ids of a rendered prompt; `is_control` says whether an id is a control token."""
        return encode(rendered.pieces, tokenize, is_control=is_control, bos_id=self.info.bos_id)

    @staticmethod
    def tokens(
        ids: Sequence[int], is_control: Callable[[int], bool], spelling: Callable[[int], bytes]
    ) -> tuple[Piece, ...]:
        """Return what ids spell, each control token by itself; `spelling` returns the bytes of these too."""
        found: list[Piece] = []
        for are_control, group in itertools.groupby(ids, key=is_control):
            spelt = [spelling(token) for token in group]
            parts = spelt if are_control else [b"".join(spelt)]
            found += [Piece(text=part.decode(errors="replace"), is_control=are_control) for part in parts]
        return tuple(found)

    @property
    def _switch(self) -> Switch:
        settings, info = self.settings, self.info
        if settings.think == "auto":
            return Switch()
        return _find_switch(self.template, settings.template_var, (settings.think, settings.prefill), info)


def _near(name: str, names: frozenset[str]) -> str:
    near = nearest(name, sorted(names), cutoff=0.75)
    return f": did you mean {near}?" if near else ""


@lru_cache(maxsize=64)
def _find_switch(template: str, given: TypedPairs, wish: tuple[Think, str], info: ModelInfo) -> Switch:
    think, prefill = wish
    variables = typed_values(given)
    return find_switch(template, think, variables=variables, prefill=prefill, bos=info.bos_text, eos=info.eos_text)
