"""What is said in a conversation besides the model's own words.

In: turns, settings and counts. Out: lines for stderr.
"""

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from marco_cli.config.settings import Settings
from marco_cli.conversation.slash import COMMANDS
from marco_cli.conversation.turn import Conversation, Turn
from marco_cli.engine.base import ModelInfo, Usage
from marco_cli.plan import SearchPlan
from marco_cli.view.chain import DIM, PLAIN
from marco_cli.view.line import Glyphs, one_line, wrap
from marco_cli.view.numbers import grouped
from marco_cli.view.printable import printable

_KEYS: Final = (
    ("Enter", "send; after a backslash, a new line"),
    ("Alt-Enter, Ctrl-J", "a new line"),
    ("Tab", "complete a command, a name or a path"),
    ("Ctrl-R", "search what was typed before"),
    ("Ctrl-X Ctrl-E", "write in $EDITOR"),
    ("Ctrl-C", "answer from what there is; again: drop the turn"),
    ("Ctrl-D", "leave"),
)
_MOST_ROWS: Final = 12


def folded(num_tokens: int, seconds: float, remedy: str, width: int | None = None) -> str:
    """Return the line that stands for a thought; without the `remedy`, which shows it whole, where that does not fit."""
    line = f"thought for {grouped(num_tokens)} token{'s' * (num_tokens != 1)}, {seconds:.1f} s"
    remedy = f" ({remedy} shows it)"
    return line + remedy if width is None or len(line + remedy) < width else line


def dropped(num_dropped: int, conversation: Conversation) -> str:
    """Say that turns were dropped and what is left."""
    turns = "the oldest turn" if num_dropped == 1 else f"the {num_dropped} oldest turns"
    verb = "is" if num_dropped == 1 else "are"
    left = len(conversation.kept)
    return f"the context is full: {turns} {verb} no longer told to the model ({left} still {_be(left)})"


def plan(found: SearchPlan) -> str:
    """Say how the next question will be answered, e.g. `effort auto: one chain, then mcts (32 simulations) in doubt`."""
    config = found.config
    effort = found.settings.effort or ("auto" if found.is_routed else "medium")
    if found.is_chain:
        return f"strategy {config.strategy}: one chain"
    budget = "" if config.simulations is None else f" ({config.simulations} simulations)"
    if found.is_routed:
        return f"effort auto: one chain, then {config.strategy}{budget} when it is doubtful"
    return f"effort {effort}: {config.strategy}{budget}"


def seat(settings: Settings, model: str) -> str:
    """Say who answers."""
    return f"model {model}, preset {settings.preset or 'none'}"


def own_words(text: str, width: int | None) -> str:
    """Return a line of ours, broken between words where the screen is too narrow for it."""
    line = printable(f"marco: {text}")
    return line if width is None else "\n".join(wrap(line, max(8, width - 1)))


def help_text(width: int | None) -> str:
    """Return the commands and the keys."""
    rows = [(f"/{name} {entry.argument}".rstrip(), entry.help) for name, entry in COMMANDS.items()]
    lines = [*_columns(rows, width), "", *_columns(_KEYS, width)]
    return "\n".join((*lines, "", "A text that begins with a slash is sent with two: //like this."))


def stats_text(conversation: Conversation, *, used: int, limit: int, usage: Usage) -> str:
    """Return what the turns cost, newest last, how full the context is, and what the engine did in all."""
    lines = []
    shown = conversation.turns[-_MOST_ROWS:]
    first = len(conversation.turns) - len(shown)
    if shown:
        lines.append("turn  prompt  reused  prefilled  thought  output  first token  seconds")
    lines.extend(_row(number, turn) for number, turn in enumerate(shown, first + 1))
    if conversation.num_dropped:
        lines.append(
            f"the first {conversation.num_dropped} of {len(conversation.turns)} are no longer told to the model"
        )
    share = 100 * used / limit if limit > 0 else 100.0
    lines.append(f"the next prompt begins with {grouped(used)} tokens of at most {grouped(limit)} ({share:.0f} %)")
    lines.append(
        f"since loading: {grouped(usage.decoded)} tokens decoded, {grouped(usage.prefilled)} prefilled, "
        f"{grouped(usage.reused)} reused; {usage.model_seconds:.1f} s in the model"
    )
    return "\n".join(lines)


def cost_line(turn: Turn) -> str:
    """Return what a turn cost, in a line."""
    cost = turn.cost
    first = "" if cost.first_token_seconds is None else f", {cost.first_token_seconds:.2f} s to the first token"
    return (
        f"{grouped(cost.decoded)} tokens decoded, {grouped(cost.prefilled)} prefilled, {grouped(cost.reused)} reused; "
        f"{cost.seconds:.2f} s{first}"
    )


def loading_line(info: ModelInfo, seconds: float) -> str:
    """Return how a model was loaded, in a line."""
    settings = ", ".join(f"{name} {value}" for name, value in info.settings)
    return f"{info.name} ({info.num_parameters / 1e6:.1f} M parameters) loaded in {seconds:.2f} s; {settings}"


def thought_text(turn: Turn, *, is_coloured: bool) -> str:
    """Return a whole thought for the terminal, dimmed where there are colours."""
    text = printable(turn.thought) if turn.thought else "(the last reply has no thought)"
    return f"{DIM}{text}{PLAIN}" if is_coloured else text


def recap(conversation: Conversation, *, width: int | None) -> str:
    """Return the last turn of a conversation that goes on, in two lines, after how many there are."""
    num_turns = len(conversation.turns)
    lines = [own_words(f"going on after {num_turns} turn{'s' * (num_turns != 1)}", width)]
    if conversation.turns:
        last, room = conversation.turns[-1], 400 if width is None else max(8, width - 3)
        glyphs = Glyphs()
        lines += [f"> {glyphs.fit(one_line(last.question, room), room)}", glyphs.fit(one_line(last.output, room), room)]
    return "\n".join(lines)


def _row(number: int, turn: Turn) -> str:
    cost = turn.cost
    first = "" if cost.first_token_seconds is None else f"{cost.first_token_seconds:.2f} s"
    return (
        f"{number:>4}  {cost.prompt_tokens:>6}  {cost.reused:>6}  {cost.prefilled:>9}  {cost.thought_tokens or '':>7}  "
        f"{cost.output_tokens or '':>6}  {first:>11}  {cost.seconds:>7.1f}"
    )


def _columns(rows: Sequence[tuple[str, str]], width: int | None) -> list[str]:
    """Return two columns, or the second one below the first where the screen is narrow."""
    first = max(cell_len(left) for left, _ in rows)
    if width is None or width >= first + 30:
        lines = []
        for left, right in rows:
            pieces = [right] if width is None else wrap(right, width - first - 3)
            lines += [f"{left:<{first}}  {pieces[0]}", *(f"{'':<{first}}  {piece}" for piece in pieces[1:])]
        return lines
    return [
        piece for left, right in rows for piece in (left, *(f"  {part}" for part in wrap(right, max(8, width - 3))))
    ]


def _be(number: int) -> str:
    return "is" if number == 1 else "are"
