import json
import os
from pathlib import Path
from typing import Any

import pytest
from commands.program import Marco

pytestmark = pytest.mark.weights

QUESTION = "How many r's are in strawberry?"
SEARCH = ("--strategy", "mcts", "--simulations", "20", "--certainty", "1", "--parallel", "1", "-q")


def asked(marco: Marco, *arguments: str) -> str:
    """Answer a question and return the id of its trace."""
    trace_id: str = json.loads(marco("ask", QUESTION, *arguments, "--json").out)["trace"]
    return trace_id


def exact(node: dict[str, Any]) -> dict[str, Any]:
    """Return what of a node does not depend on rounding."""
    return {key: value for key, value in node.items() if key not in ("scores", "value_sum")}


def test_a_list_names_the_newest_first(marco: Marco) -> None:
    """`list` has a line a trace and `--json` a row; `--limit` keeps the newest; without traces a line says how to get one."""
    empty = marco("traces", "list")
    first, second = asked(marco), asked(marco, "--seed", "1")
    lines = marco("traces", "list").out.splitlines()
    rows = json.loads(marco("traces", "list", "--json", "--limit", "1").out)["traces"]

    assert (empty.code, empty.out) == (0, "")
    assert "there are no traces" in empty.err
    assert [line.split()[0] for line in lines] == [second, first]
    assert [(row["id"], row["question"], row["answer"]) for row in rows] == [(second, QUESTION, "3")]


def test_a_terminal_without_a_size_shows_all(marco: Marco, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some pseudo-terminals say that they have no columns: then nothing is cut, as in a pipe."""
    asked(marco)
    piped = [marco("traces", *arguments).out for arguments in (("list",), ("show",))]
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("os.get_terminal_size", lambda _: os.terminal_size((0, 0)))

    assert [marco("traces", *arguments).out for arguments in (("list",), ("show",))] == piped


def test_a_trace_is_shown_from_every_side(marco: Marco) -> None:
    """Card, tree, path, token heat and the whole of it as JSON; each of another reply too."""
    trace = asked(marco, *SEARCH)
    card = marco("traces", "show", trace).out
    tree = marco("traces", "show", trace[-4:], "--tree").out
    path = marco("traces", "show", "last", "--path").out
    heat = marco("traces", "show", "--heat").out
    other = marco("traces", "show", "--heat", "--candidate", "1").out
    whole = json.loads(marco("traces", "show", "--json").out)

    assert "marco-nano" in card
    assert "The answer is 3." in card
    assert tree.rpartition("\n\n")[0].count("✓") == len(whole["candidates"]) > 1
    assert path.startswith("step 1: ")
    assert "confidence: 0.9+" in heat
    assert heat != other
    assert whole["schema"] == "marco.trace/1"
    assert whole["model"]["sha256"]
    assert len(whole["tree"]["nodes"][1]["scores"]["logprobs"]) == len(whole["tree"]["nodes"][1]["ids"])


def test_going_on_is_the_same_as_having_searched_longer(marco: Marco) -> None:
    """On the real model too: 20 and 12 more simulations grow the tree of 32, token by token, as a trace of its own.

    What the engine evaluates again, it evaluates in larger batches, which moves the last bits of scores and values.
    """
    asked(marco, *SEARCH)
    run = marco("traces", "continue", "--simulations", "+12")
    both = json.loads(marco("traces", "show", "--json").out)
    asked(marco, *("32" if word == "20" else word for word in SEARCH))
    whole = json.loads(marco("traces", "show", "--json").out)

    assert (run.code, run.out) == (0, "The answer is 3.\n")
    assert both["accounting"]["simulations"] == whole["accounting"]["simulations"] == 32
    assert [exact(node) for node in both["tree"]["nodes"]] == [exact(node) for node in whole["tree"]["nodes"]]
    for mine, yours in zip(both["tree"]["nodes"], whole["tree"]["nodes"], strict=True):
        assert mine["value_sum"] == pytest.approx(yours["value_sum"], abs=0.01)
        assert mine["scores"]["entropy"] == pytest.approx(yours["scores"]["entropy"], abs=0.05)
    assert [vote["candidates"] for vote in both["votes"]] == [vote["candidates"] for vote in whole["votes"]]
    assert both["accounting"]["decoded_tokens"] == whole["accounting"]["decoded_tokens"]
    assert both["continues"] != both["id"]
    assert f"trace {both['id']}" in run.err


def test_a_chain_can_be_searched_on_from(marco: Marco) -> None:
    """A plain answer becomes the first reply of a search."""
    asked(marco, "--effort", "none")
    run = marco("traces", "continue", "--simulations", "+6")
    row = json.loads(marco("traces", "list", "--json", "-n", "1").out)["traces"][0]

    assert run.code == 0
    assert (row["accounting"]["strategy"], row["accounting"]["simulations"]) == ("mcts", 6)


@pytest.mark.parametrize(
    ("key", "value"),
    [("model", "/etc/passwd.gguf"), ("model", "~/x.gguf"), ("prm", "../c.gguf"), ("judge", "/etc/passwd.gguf")],
)
def test_a_trace_of_another_opens_no_file(marco: Marco, tmp_path: Path, key: str, value: str) -> None:
    """What a file of traces names by a path is not looked for; --model names the model instead."""
    asked(marco)
    trace = json.loads(marco("traces", "show", "--json").out)
    trace["settings"][key] = value
    file = tmp_path / "foreign.jsonl"
    file.write_text(json.dumps(trace, separators=(",", ":")) + "\n")

    run = marco("traces", "continue", "--from", file)

    assert run.code == 2
    assert f"the trace names its {key} by a path: '{value}'" in run.err


def test_a_trace_of_another_deletes_no_trace(marco: Marco, tmp_path: Path) -> None:
    """Its limit for kept traces is not the user's."""
    asked(marco)
    trace = json.loads(marco("traces", "show", "--json").out)
    trace["settings"]["trace_limit"] = 1
    file = tmp_path / "foreign.jsonl"
    file.write_text(json.dumps(trace, separators=(",", ":")) + "\n")
    old = tmp_path / "state" / "traces" / "20200101-000000-000-aaaa.jsonl"
    old.write_bytes(bytes(2_000_000))

    assert marco("traces", "continue", "--from", file, "--simulations", "+1").code == 0
    assert old.exists()


def test_other_rewards_and_votes_can_be_tried(marco: Marco) -> None:
    """`rescore` counts the stored replies anew: the same numbers under the same rules, the answer's fate in a line."""
    asked(marco, *SEARCH)
    same = json.loads(marco("traces", "rescore", "--json").out)
    votes = json.loads(marco("traces", "show", "--json").out)["votes"]
    other = marco("traces", "rescore", "--reward", "confidence", "--vote", "majority")

    assert same["votes"] == votes
    assert same["changed"] is False
    assert "reward confidence, vote majority (was checked/checked)" in other.out
    assert "the answer stays: 3" in other.out


def test_traces_are_deleted_on_demand(marco: Marco, tmp_path: Path) -> None:
    """`prune` keeps the newest, the youngest, so many megabytes or, when it is sure, none; by default what the settings allow."""
    made = [asked(marco) for _ in range(4)]

    assert "deleted 0 traces" in marco("traces", "prune").err
    assert "deleted 0 traces" in marco("traces", "prune", "--days", "1").err
    assert "deleted 2 traces" in marco("traces", "prune", "--keep", "2").err
    assert [line.split()[0] for line in marco("traces", "list").out.splitlines()] == made[:1:-1]
    assert "deleted 1 trace," in marco("traces", "prune", "--megabytes", "0").err
    refused = marco("traces", "prune", "--all")
    assert (refused.code, "use --yes" in refused.err) == (2, True)
    assert "deleted 1 trace," in marco("traces", "prune", "--all", "--yes").err
    assert list((tmp_path / "state" / "traces").iterdir()) == []


def test_paths_are_printed(marco: Marco, tmp_path: Path) -> None:
    """`path` names the folder, `path ID` the file."""
    trace = asked(marco)

    assert marco("traces", "path").out == f"{tmp_path / 'state' / 'traces'}\n"
    assert marco("traces", "path", trace).out == f"{tmp_path / 'state' / 'traces' / trace}.jsonl\n"


def test_a_file_of_traces_is_read_like_the_folder(marco: Marco, tmp_path: Path) -> None:
    """`--from` takes a file with one trace a line, of an evaluation for instance; a torn last line costs a notice."""
    for seed in "12":
        asked(marco, "--seed", seed)
    folder = tmp_path / "state" / "traces"
    lines = [path.read_bytes() for path in sorted(folder.iterdir())]
    file = tmp_path / "traces.jsonl"
    file.write_bytes(b"".join(lines) + lines[0][:500])
    run = marco("traces", "list", "--from", file)

    assert len(run.out.splitlines()) == 2
    assert run.err == "marco: traces.jsonl:3 skipped: its line is torn\n"
    assert "seed 2" in marco("traces", "show", "last", "--from", file).out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["show", "nope"], 6, "no trace 'nope'"),
        (["show", "--candidate", "99"], 6, "candidate 99 is none of them"),
        (["show", "--from", "missing.jsonl"], 6, "no file of traces at missing.jsonl"),
        (["show", "--from", "~nobody-here/x"], 6, "no file of traces at ~nobody-here/x"),
        (["show", "--from", "a" * 300], 6, "no file of traces at aaa"),
        (["rescore", "--reward", "agre"], 2, "did you mean agree?"),
        (["rescore", "--vote", "x"], 2, "expected one of majority"),
        (["continue", "--simulations", "many"], 2, "--simulations +32"),
        (["continue", "--simulations", "1"], 2, "nothing to go on with"),
        (["continue", "--parallel", "0"], 2, "parallel"),
        (["continue", "--model", "marco-nona"], 4, "marco-nano"),
        (["prune", "--keep", "-1"], 2, "keep"),
    ],
)
def test_mistakes_get_one_line_and_their_exit_code(marco: Marco, arguments: list[str], code: int, words: str) -> None:
    """What cannot be done is named, with the remedy, and nothing comes out on stdout."""
    asked(marco)
    run = marco("traces", *arguments)

    assert run.code == code
    assert words in run.err
    assert run.out == ""
    assert "Traceback" not in run.err


def test_newer_and_damaged_traces_are_named(marco: Marco, tmp_path: Path) -> None:
    """A trace of a newer marco is refused by its format, a torn one skipped; the others are as reachable as ever."""
    trace = asked(marco)
    folder = tmp_path / "state" / "traces"
    whole = (folder / f"{trace}.jsonl").read_bytes()
    (folder / "99990101-000000-000-aaaa.jsonl").write_bytes(whole.replace(b"marco.trace/1", b"marco.trace/2"))
    (folder / "99990101-000000-000-bbbb.jsonl").write_bytes(whole[:-40])
    run = marco("traces", "list")

    assert run.out.split()[0] == trace
    assert "format is marco.trace/2, this marco reads marco.trace/1" in run.err
    assert "bbbb.jsonl skipped: its line is torn" in run.err
    assert marco("traces", "show", "last").code == 0


def test_tab_offers_the_newest_ids(marco: Marco) -> None:
    """Completion offers `last` and ids, newest first, that begin with what is typed."""
    from marco_cli.commands.traces import complete_traces

    first, second = asked(marco), asked(marco)

    assert complete_traces("") == ["last", second, first]
    assert complete_traces("la") == ["last"]
    assert complete_traces(first) == [first]
