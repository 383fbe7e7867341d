"""A scripted model that thinks, answers and counts its turns, and a short way to talk with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.scripts import Inline

from marco_cli.config.settings import Settings
from marco_cli.conversation.dialogue import Dialogue
from marco_cli.conversation.turn import Conversation, Turn
from marco_cli.engine.scripted import END, scripted_engine
from marco_cli.models import LocatedModel
from marco_cli.plan import search_plan
from marco_cli.solver import Solver

THOUGHT = "I wonder. " * 20
MODEL = LocatedModel(
    name="scripted", path=Path("/nowhere/scripted.gguf"), source="path", files=(), hashes=(None,), preset=None
)


def script(text: str) -> Mapping[str, float]:
    """Think for 200 bytes, then answer `Reply N.` to the N-th question of the prompt."""
    prompt, _, reply = text.rpartition("assistant\n")
    whole = f"<Thought>\n{THOUGHT}\n</Thought>\n<Output>\nReply {text.count('<|im_start|>user')}.\n</Output>{END}"
    return {whole[len(reply) :]: 1.0} if prompt and whole.startswith(reply) else {}


def dialogue(conversation: Conversation | None = None, *, context_size: int = 4096, **settings: Any) -> Dialogue:
    """Open a conversation with the scripted model."""
    engine = scripted_engine(script, context_size=context_size)
    engine._thread = Inline()
    chosen: Mapping[str, Any] = {"tags": "marco", "effort": "none", "max_tokens": 512, **settings}
    solver = Solver(engine=engine, plan=search_plan(Settings(**chosen)), model=MODEL)
    return Dialogue(solver, conversation=conversation)


def turn(number: int, *, length: int = 10) -> Turn:
    """Return a turn whose texts have `length` characters each."""
    text = f"{number} ".ljust(length, "x")
    return Turn(question=text, asked=text, thought="hm", output=text)


def turns(count: int, *, length: int = 10) -> Conversation:
    """Return a conversation of so many turns."""
    return Conversation(turns=tuple(turn(number, length=length) for number in range(count)))
