import pytest
from tables import table

from marco_cli.conversation.slash import COMMANDS, Command, line_of, read_line
from marco_cli.errors import InputError


@table(
    [
        ("What is 2 + 2?", "What is 2 + 2?"),
        ("  one\ntwo \n", "one\ntwo"),
        ("/help", Command(name="help", argument="")),
        ("/Effort  high ", Command(name="effort", argument="high")),
        ("/system You are\nbrief.", Command(name="system", argument="You are\nbrief.")),
        ("/export my file.md", Command(name="export", argument="my file.md")),
        ("//help is a command", "/help is a command"),
        ("/usr/bin/env does what?", "/usr/bin/env does what?"),
        ("/2 is half", "/2 is half"),
    ]
)
def test_a_line_is_a_command_or_a_text(line: str, expected: str | Command) -> None:
    """A slash and letters make a command; a path, a number and a doubled slash do not."""
    assert read_line(line) == expected


@table(["2+2?", "/like this", "/help", "/", "//x", "/ x\ny", "/usr/bin/env does what?", "/2 is half"])
def test_what_was_said_can_be_said_again(text: str) -> None:
    """The line that is offered for changing says the same text, with a slash more only where one is needed."""
    assert read_line(line_of(text)) == text
    assert (line_of(text) == text) == (text[1:4] not in ("lik", "hel", "", "/x", " x\n"))


@table(
    [
        ("/efort high", "no command /efort; did you mean /effort?"),
        ("/sats", "no command /sats; did you mean /stats?"),
        ("/xyzzyq", "no command /xyzzyq; /help lists the commands"),
        ("/", "no command /; /help lists the commands"),
        ("/quit now", "/quit takes nothing after it, got 'now'"),
        ("/load", "/load needs a file"),
    ]
)
def test_a_slip_is_answered_in_one_line(line: str, message: str) -> None:
    """An unknown command names the nearest one; a missing or superfluous argument is named too."""
    with pytest.raises(InputError) as caught:
        read_line(line)

    assert caught.value.message == message


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_read_with_what_it_takes(name: str) -> None:
    """What the table says about arguments is what the reader accepts."""
    usage = COMMANDS[name].argument  # type: ignore[index]  # a name of the table

    assert read_line(f"/{name} x" if usage else f"/{name}") == Command(name=name, argument="x" if usage else "")  # type: ignore[arg-type]
