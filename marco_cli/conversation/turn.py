"""Turns, and the conversation that they make: values only, nothing here changes or generates.

In: what was asked and answered. Out: the messages that the model is told again. Those hold outputs and never thoughts: a
thought was written for its own question, and would fill the context ten times as fast.
"""

from dataclasses import dataclass, field, replace

from marco_cli.prompt.base import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a turn cost: tokens of each kind, and seconds."""

    prompt_tokens: int = 0
    """Of the whole prompt, history included."""
    reused: int = 0
    """Taken from the KV memory, over all chains of the turn."""
    prefilled: int = 0
    """Evaluated for prompts and forced tokens, over all chains of the turn."""
    decoded: int = 0
    """Sampled, over all chains of the turn."""
    thought_tokens: int = 0
    """Of the reply that was shown."""
    output_tokens: int = 0
    """Of the reply that was shown."""
    first_token_seconds: float | None = None
    """From the question to its first token; None when nothing was sampled."""
    seconds: float = 0.0
    """From the question to the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A question and what was answered."""

    question: str
    """As it was typed."""
    asked: str
    """As the model read it: the question between the texts of the preset in use."""
    thought: str
    output: str
    cost: Cost = field(default_factory=Cost)

    @property
    def messages(self) -> tuple[Message, Message]:
        """What the model is told of the turn later on."""
        return Message(role="user", content=self.asked), Message(role="assistant", content=self.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """All turns, oldest first, of which the model is told all but the first `num_dropped`."""

    turns: tuple[Turn, ...] = ()
    num_dropped: int = 0

    @property
    def kept(self) -> tuple[Turn, ...]:
        """The turns that the model is told."""
        return self.turns[self.num_dropped :]

    @property
    def history(self) -> tuple[Message, ...]:
        """The messages that the model is told, oldest first."""
        return tuple(message for turn in self.kept for message in turn.messages)

    def add(self, turn: Turn) -> "Conversation":
        """Return the conversation with one more turn."""
        return replace(self, turns=(*self.turns, turn))

    def without_last(self) -> "Conversation":
        """Return the conversation as if its last turn had not been."""
        turns = self.turns[:-1]
        return Conversation(turns=turns, num_dropped=min(self.num_dropped, len(turns)))

    def dropping(self, num_dropped: int) -> "Conversation":
        """Return the conversation of which the model is not told the first `num_dropped` turns."""
        return replace(self, num_dropped=num_dropped)
