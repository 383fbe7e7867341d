import json
from dataclasses import replace

import pytest
from conversation.talk import turn, turns
from tables import table

from marco_cli.conversation.document import FORMAT, Saved, read_saved, write_saved
from marco_cli.conversation.turn import Conversation, Cost
from marco_cli.errors import InputError

COST = Cost(prompt_tokens=9, reused=3, prefilled=6, decoded=40, first_token_seconds=0.25, seconds=1.5)


def test_what_is_saved_is_what_is_loaded() -> None:
    """Turns with their costs, what was dropped and the system prompt survive, hostile and foreign text included."""
    odd = replace(turn(3), question='</script> \x1b[31m "quoted"\n第二行', cost=COST)
    saved = Saved(conversation=turns(3).dropping(1).add(odd), system="Be brief.", model="marco-o1")

    assert read_saved(write_saved(saved), name="x") == saved


def test_an_empty_conversation_can_be_saved() -> None:
    """No turns and no system prompt are a conversation too."""
    saved = Saved(conversation=Conversation(), system=None, model="m")

    assert read_saved(write_saved(saved), name="x") == saved


def document(**changed: object) -> bytes:
    """Return a file with some of its fields changed."""
    saved = Saved(conversation=turns(1), system=None, model="m")
    return json.dumps(json.loads(write_saved(saved)) | changed).encode()


@table(
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "format is 'None'"),
        (document(format="marco.chat/2"), f"'marco.chat/2', expected '{FORMAT}'"),
        (document(turns=None), "no list of turns"),
        (document(turns=[{"question": "x"}]), "the asked of turn 1 is not text"),
        (document(system=3), "system prompt is not text"),
        (document(system="\ud800"), "system prompt is not text"),
        (document(turns=[{"question": "\udfff"}]), "the question of turn 1 is not text"),
    ]
)
def test_what_cannot_be_loaded_is_refused_by_name(data: bytes, words: str) -> None:
    """Damage, other formats and newer versions are named together with the file."""
    with pytest.raises(InputError) as caught:
        read_saved(data, name="my.chat")

    assert caught.value.message.startswith("my.chat cannot be loaded: ")
    assert words in caught.value.message


def test_costs_are_only_shown_so_a_missing_one_is_zero() -> None:
    """A file written by hand needs texts and nothing else."""
    loaded = read_saved(
        document(turns=[{"question": "q", "asked": "q", "thought": "", "output": "a"}], num_dropped=7), name="x"
    )

    assert loaded.conversation.turns[0].cost == Cost()
    assert loaded.conversation.num_dropped == 1


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1e999", "NaN", "true", "-1"])
def test_a_number_that_nobody_measured_counts_as_none(number: str) -> None:
    """Huge, infinite, negative and truth values load as 0, and so does everything that is computed from them."""
    costs = ", ".join(f'"{key}": {number}' for key in ("decoded", "seconds", "first_token_seconds"))
    turn_text = f'{{"question": "q", "asked": "q", "thought": "", "output": "a", "cost": {{{costs}}}}}'
    data = f'{{"format": "{FORMAT}", "num_dropped": {number}, "turns": [{turn_text}]}}'

    loaded = read_saved(data.encode(), name="x").conversation

    assert loaded.turns[0].cost == Cost(first_token_seconds=0.0)
    assert loaded.num_dropped == 0
