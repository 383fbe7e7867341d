"""Conversations on a pseudo-terminal: what is typed, what is on the screen, and what is left of it."""

import re
import signal
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE
from view.replay import Replay
from warm_program import Warm, WarmProcess

pytestmark = pytest.mark.weights

CTRL_C, CTRL_D, CTRL_J, UP = "\x03", "\x04", "\n", "\x1b[A"
SUM = "What is 12 + 30?"
READY = "Ctrl-D leaves"

Open = Callable[..., "Chat"]


class Chat(Replay):
    """`marco chat` on a terminal; stdout may be a file."""

    def __init__(self, warm: Warm, options: Sequence[str], *, to: Path | None, **more: Any) -> None:
        self._warm, self._to = warm, to
        super().__init__(["chat", *options], **more)

    def start(self, command: Sequence[str], terminal: int, environ: dict[str, str]) -> WarmProcess:
        """Start it in a session of its own, so that Ctrl-C on its terminal interrupts it."""
        if self._to is None:
            return WarmProcess(self._warm, command, environ, [terminal] * 3)
        with self._to.open("wb") as file:
            return WarmProcess(self._warm, command, environ, [terminal, file.fileno(), terminal])

    def ask(self, question: str, output: str) -> None:
        """Send a line and wait for an output and the next prompt."""
        self.press(f"{question}\r")
        self.wait_for_text(output)
        self.wait_for_prompt()

    def wait_for_prompt(self) -> None:
        """Feed the screen until an empty prompt is its last line."""
        self.wait_for(lambda: next((line for line in reversed(self.lines) if line), "") == ">")

    @property
    def text(self) -> str:
        """All that is left, scrolled off or not, with the lines that the terminal broke put together again."""
        return "\n".join(line for line in (*self.history, *self.lines) if line)

    @property
    def modes(self) -> list[object]:
        """The modes of the terminal, without its speeds and control characters."""
        return termios.tcgetattr(self._terminal)[:4]


@pytest.fixture
def chat(tmp_path: Path, warm: Warm) -> Iterator[Open]:
    """Return a function that opens `marco chat OPTIONS…` in an empty home; all are killed with the test."""
    opened: list[Chat] = []
    home = {"HOME": str(tmp_path), "MARCO_STATE_DIR": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path)}

    def start(*options: str, to: Path | None = None, **more: object) -> Chat:
        # pyte does not answer when it is asked where the cursor is; terminals do.
        replay = Chat(warm, options, to=to, PROMPT_TOOLKIT_NO_CPR="1", **home, **more)
        opened.append(replay)
        replay.wait_for_prompt()
        return replay

    yield start
    for replay in opened:
        replay.__exit__(None, None, None)


@pytest.fixture
def slow(tiny_gguf: Path) -> tuple[str, ...]:
    """Return options that make turns of random words, which a greedy chain would repeat, and of seconds."""
    how = ("--max-tokens", "3500", "--effort", "none", "--temperature", "0.7", "--top-k", "2", "--seed", "1")
    return ("--model", str(tiny_gguf), "--preset", "marco-o1", *how)


def test_a_turn_folds_its_thought_and_ctrl_d_leaves(chat: Open) -> None:
    """Question, a line for the thought, the output: that is all that a turn leaves; the end leaves the terminal as it was."""
    talk = chat("--no-trace")
    talk.ask(SUM, "The answer is 42.")
    talk.press(CTRL_D)
    code = talk.end()
    lines = [line for line in talk.text.splitlines() if not line.startswith("marco:") and line != ">"]

    assert code == 0
    turn = lines[lines.index(f"> {SUM}") :]
    assert re.fullmatch(r"thought for \d+ tokens, \d+\.\d s \(/thought shows it\)", turn[1])
    assert turn[2] == "The answer is 42."
    assert turn[3:] == []
    assert not talk.hides_cursor()
    assert talk.modes[3] & termios.ECHO  # type: ignore[operator]  # flags
    assert talk.modes[3] & termios.ICANON  # type: ignore[operator]  # flags


def test_outputs_alone_go_to_stdout(chat: Open, tmp_path: Path) -> None:
    """With stdout in a file the conversation stays on the terminal, prompt and all; the file gets the outputs."""
    file = tmp_path / "outputs.txt"
    talk = chat("--no-trace", to=file)
    talk.press(f"{SUM}\r")
    talk.wait_for(lambda: file.read_text() == "The answer is 42.\n")
    talk.wait_for_prompt()
    talk.press("/stats\r")
    talk.wait_for_text("since loading")
    talk.press(CTRL_D)

    assert talk.end() == 0
    assert file.read_text() == "The answer is 42.\n"
    assert "The answer is 42." not in talk.text


def test_a_text_of_several_lines_is_one_turn(chat: Open, tmp_path: Path) -> None:
    """Pasted, or with Ctrl-J, Alt-Enter or a backslash before Enter, lines belong together; Enter sends them."""
    talk = chat("--no-trace", rows=40)
    breaks = (
        "\x1b[200~What is\n12 + 30?\x1b[201~",
        f"What is{CTRL_J}12 + 30?",
        "What is\x1b\r12 + 30?",
        "What is\\\r12 + 30?",
    )
    for number, keys in enumerate(breaks, 1):
        talk.press(keys)
        talk.wait_for(lambda number=number: talk.text.count("  12 + 30?") == number)  # type: ignore[misc]
        talk.press("\r")
        talk.wait_for(lambda number=number: talk.text.count("thought for") == number)  # type: ignore[misc]
        talk.wait_for_prompt()
    file = tmp_path / "x.md"
    talk.press(f"/export {file}\r")
    talk.wait_for_text("written to")

    assert file.read_text().count("```text\nWhat is\n12 + 30?\n```") == 4


def test_tab_completes_commands_and_their_values(chat: Open) -> None:
    """Names of commands and the values of their settings are offered while they are typed and completed by Tab."""
    talk = chat("--no-trace")
    talk.press("/stra")
    talk.wait_for_text("search in another way")
    talk.press("\t")
    talk.wait_for_text("> /strategy")
    talk.press(" mcts-")
    talk.wait_for_text("mcts-paper")
    talk.press("\t")
    talk.wait_for_text("> /strategy mcts-paper")
    talk.press("\r")
    talk.press("\r")
    talk.wait_for_text("marco: effort medium: mcts-paper")


def test_what_was_typed_is_remembered_privately(chat: Open, tmp_path: Path) -> None:
    """A line of an earlier session comes back with the Up key, from a file that nobody else can read."""
    first = chat("--no-trace")
    first.ask(SUM, "The answer is 42.")
    first.press(CTRL_D)
    assert first.end() == 0
    file = tmp_path / "state" / "chat-history"
    second = chat("--no-trace")
    second.press(UP)
    second.wait_for_text(f"> {SUM}")

    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_ctrl_c_at_the_prompt_drops_the_line_and_nothing_else(chat: Open) -> None:
    """A line that is given up is not sent; at an empty prompt, Ctrl-C says how to leave."""
    talk = chat("--no-trace")
    talk.press("never sent")
    talk.wait_for_text("never sent")
    talk.press(CTRL_C)
    talk.wait_for_prompt()
    before = talk.text.count(READY)
    talk.press(CTRL_C)
    talk.wait_for(lambda: talk.text.count(READY) == before + 1)
    talk.ask(SUM, "The answer is 42.")

    assert talk.process.poll() is None
    assert talk.text.count("thought for") == 1


def test_ctrl_c_in_a_turn_first_asks_and_then_drops(chat: Open, slow: tuple[str, ...]) -> None:
    """The thought grows in its block; one Ctrl-C asks for the answer, two drop the turn; the session goes on, and it is not told."""
    talk = chat("--no-trace", *slow)
    talk.press("Hello?\r")
    talk.wait_for_text("thinking, ")
    assert talk.hides_cursor()
    talk.press(CTRL_C)
    talk.wait_for_text("answering from what there is")
    talk.press(CTRL_C)
    talk.wait_for_prompt()
    talk.press("/stats\r")
    talk.wait_for_text("since loading")
    talk.press(CTRL_D)

    assert talk.end() == 0
    assert "thinking, " not in talk.text
    assert not talk.hides_cursor()


def test_a_search_is_shown_and_leaves_a_clean_screen(chat: Open, tiny_gguf: Path) -> None:
    """The tree is on the screen while the search runs and gone after it; `/tree` brings it back to stay."""
    options = ("--model", str(tiny_gguf), "--preset", "marco-o1", "--max-tokens", "300", "--step", "mini32")
    talk = chat("--no-trace", *options, "--effort", "max", "--certainty", "1")
    talk.press("Hello?\r")
    talk.wait_for_text("/128")
    talk.press(CTRL_C)
    talk.wait_for_prompt()

    assert not any("/128" in line or "├" in line for line in talk.text.splitlines())
    talk.press("/tree\r")
    talk.wait_for_text("/128")
    talk.wait_for_prompt()
    assert any("─ " in line for line in talk.text.splitlines())


@pytest.mark.parametrize("columns", [24, 120])
def test_any_width_will_do(chat: Open, columns: int) -> None:
    """Chinese questions on narrow and wide terminals: nothing is cut, nothing is drawn twice."""
    talk = chat("--no-trace", columns=columns)
    talk.press("小明有5个苹果，又买了7个，一共多少个？\r")
    talk.wait_for_text("答案是12。")
    talk.wait_for_prompt()

    assert talk.text.count("小明") == 1
    assert talk.text.count("thought for") == 1
    assert talk.text.count("答案是12。") == 1


def test_a_resize_in_the_middle_of_a_thought_leaves_one_block(chat: Open, slow: tuple[str, ...]) -> None:
    """Narrower and wider while a thought grows: one status line at a time, none in the end."""
    talk = chat("--no-trace", *slow, TERM="linux")
    talk.press("Hello?\r")
    talk.wait_for_text("thinking, ")
    for columns, rows in ((50, 24), (100, 12), (80, 24)):
        talk.resize(columns, rows)
        shown = talk.text
        talk.wait_for(lambda shown=shown: "thinking, " in talk.text and talk.text != shown)  # type: ignore[misc]
        assert talk.text.count("thinking, ") == 1
    talk.press(CTRL_C)
    talk.wait_for_text("answering from what there is")
    talk.press(CTRL_C)
    talk.wait_for_prompt()

    assert "thinking, " not in talk.text


def test_edit_offers_the_last_question(chat: Open) -> None:
    """`/edit` puts the last question at the prompt; what becomes of it replaces the turn."""
    talk = chat("--no-trace")
    talk.ask(SUM, "The answer is 42.")
    talk.press("/edit\r")
    talk.wait_for(lambda: [line for line in talk.lines if line][-1] == f"> {SUM}")
    talk.press("\x7f\x7f\x7f1?\r")
    talk.wait_for_prompt()
    talk.press("/stats\r")
    talk.wait_for_text("since loading")

    assert "   1  " in talk.text
    assert "   2  " not in talk.text


def test_a_draft_that_is_given_up_leaves_the_last_turn_alone(chat: Open) -> None:
    """After `/edit` and Ctrl-C, the next question is a turn of its own."""
    talk = chat("--no-trace")
    talk.ask(SUM, "The answer is 42.")
    talk.press("/edit\r")
    talk.wait_for(lambda: [line for line in talk.lines if line][-1] == f"> {SUM}")
    talk.press(CTRL_C)
    talk.wait_for_prompt()
    talk.ask("What is 3 * 4?", "The answer is 12.")
    talk.press("/stats\r")
    talk.wait_for_text("since loading")

    assert "   2  " in talk.text


def test_a_question_typed_ahead_costs_one_token(chat: Open) -> None:
    """Whoever pauses before Enter waits for one token and no more: everything else was evaluated meanwhile."""
    talk = chat("--no-trace", "--verbose", "--effort", "none")
    talk.ask(SUM, "The answer is 42.")
    counts = re.findall(r"(\d+) prefilled", talk.text)
    pause = 2.0
    while counts[-1] != "1" and pause < PATIENCE:  # how long a busy machine takes to evaluate it is not known
        talk.press("What is 3 * 4?")
        time.sleep(pause)
        talk.press("\r")
        talk.wait_for(lambda seen=counts: re.findall(r"(\d+) prefilled", talk.text) != seen)  # type: ignore[misc]
        talk.wait_for_prompt()
        counts, pause = re.findall(r"(\d+) prefilled", talk.text), 3 * pause

    assert int(counts[0]) > 1
    assert counts[-1] == "1"


@pytest.mark.parametrize("where", ["prompt", "turn"])
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)],
    ids=["term", "hup", "quit"],
)
def test_a_signal_gives_the_terminal_back(
    chat: Open, slow: tuple[str, ...], where: str, number: signal.Signals, code: int
) -> None:
    """At the prompt or in a turn: the exit code says so, keys are echoed and the cursor shows again."""
    talk = chat("--no-trace", *slow)
    if where == "turn":
        talk.press("Hello?\r")
        talk.wait_for_text("thinking, ")
    talk.process.send_signal(number)

    assert talk.end() == code
    assert talk.modes[3] & termios.ECHO  # type: ignore[operator]  # flags
    assert not talk.hides_cursor()
    assert "Traceback" not in talk.text


@pytest.mark.parametrize("name", ["VISUAL", "EDITOR"])
def test_an_editor_with_an_open_quote_costs_the_editor(chat: Open, name: str) -> None:
    """One line says so; Ctrl-X Ctrl-E does nothing, and the conversation goes on."""
    talk = chat("--no-trace", **{name: "'x"})
    talk.wait_for_text(f'{name} is "\'x", which is not a command')
    talk.press("\x18\x05")
    talk.ask(SUM, "The answer is 42.")
    talk.press(CTRL_D)

    assert talk.end() == 0
    assert "Traceback" not in talk.text


def test_a_dumb_terminal_gets_plain_lines(chat: Open) -> None:
    """Where nothing can be redrawn, a prompt and lines do: no escape sequence is written."""
    talk = chat("--no-trace", TERM="dumb")
    talk.press(f"{SUM}\n")
    talk.wait_for_text("The answer is 42.")
    talk.press(CTRL_D)

    assert talk.end() == 0
    assert b"\x1b" not in talk.data
