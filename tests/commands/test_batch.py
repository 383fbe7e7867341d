"""`marco batch` as a user meets it: what goes where, what happens to bad rows, how it goes on and how it ends."""

import csv
import gzip
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from batch.scripted_solver import open_scripted
from commands.program import Marco, Run

from marco_cli import solver
from marco_cli.batch.journal import Journal
from marco_cli.batch.lines import Line
from marco_cli.batch.rows import BadRow, BatchRow, Layout, read_row
from marco_cli.commands._batching import usual_parallel
from marco_cli.config.settings import Settings
from marco_cli.errors import StorageError

KEYS = [
    "v", "id", "line", "status", "output", "thought", "answer", "check", "confidence", "finish_reason", "votes", "error", "model", "preset",
    "strategy", "seed", "search", "usage", "timing", "input_sha256", "meta",
]  # fmt: skip
NUM_PROBLEMS = int(os.environ.get("MARCO_TEST_MGSM", "10"))
MGSM = Path(__file__).parents[3] / "shared" / "data" / "mgsm"


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Answer by a script, in an empty directory, with a model named."""
    monkeypatch.setattr("marco_cli.commands._batching.open_solver", open_scripted)
    for name in [name for name in os.environ if name.startswith("MARCO_TEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MARCO_MODEL", "marco-nano")
    monkeypatch.chdir(tmp_path)


def write(name: str, *rows: object) -> Path:
    """Write rows: bytes as they are, everything else as JSON."""
    path = Path(name)
    path.write_bytes(b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows))
    return path


def questions(count: int, *, word: str = "plus") -> Sequence[dict[str, Any]]:
    """Return good rows."""
    return [{"id": f"q{n}", "question": f"one {word} {n}?", "meta": {"n": n}} for n in range(count)]


def read(text: str | Path) -> list[dict[str, Any]]:
    """Return output rows."""
    data = text if isinstance(text, str) else text.read_text()
    return [json.loads(line) for line in data.splitlines()]


def timeless(text: str | Path) -> list[dict[str, Any]]:
    """Return output rows without what depends on the moment."""
    return [{**row, "timing": None} for row in read(text)]


def test_a_row_out_for_each_row_in(marco: Marco) -> None:
    """In order, all keys always there, ids and meta as they came; stdout holds rows and nothing else."""
    write(
        "q.jsonl",
        *questions(5),
        {"id": 9, "prompt": "MUTE"},
        b"{broken",
        {"messages": [{"role": "user", "content": "6"}]},
    )
    run = marco("batch", "q.jsonl")
    rows = read(run.out)

    assert run.code == 3
    assert [row["id"] for row in rows] == ["q0", "q1", "q2", "q3", "q4", 9, "line-7", "line-8"]
    assert [row["status"] for row in rows] == ["ok"] * 5 + ["no_output", "error", "ok"]
    assert [row["answer"] for row in rows] == ["0", "1", "2", "3", "4", None, None, "6"]
    assert all(list(row) == KEYS for row in rows)
    assert [row["line"] for row in rows] == list(range(1, 9))
    assert rows[3]["meta"] == {"n": 3}
    assert rows[6]["error"] == {"type": "input", "message": rows[6]["error"]["message"]}
    assert (
        rows[0]["usage"]["decoded_tokens"] == rows[0]["usage"]["reasoning_tokens"] + rows[0]["usage"]["output_tokens"]
    )
    assert "2 of 8 rows failed" in run.err
    assert "\x1b" not in run.err


def test_nobody_is_surprised_by_a_model(marco: Marco, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a named model nothing is answered, and the error says how to name one."""
    monkeypatch.delenv("MARCO_MODEL")
    write("q.jsonl", *questions(1))
    run = marco("batch", "q.jsonl", "-o", "a.jsonl")

    assert run.code == 2
    assert "--model marco-o1" in run.err
    assert not Path("a.jsonl").exists()


def test_rows_do_not_depend_on_how_many_are_in_flight(marco: Marco) -> None:
    """The same bytes, timing aside, also where rows are sampled and searched."""
    write("q.jsonl", *questions(12), *({"id": n, "prompt": f"a DOUBT {n}"} for n in range(4)))
    options = ("--temperature", "1", "--simulations", "6", "--effort", "auto", "--doubt-below", "0.999")

    reference = timeless(marco("batch", "q.jsonl", *options).out)
    for parallel in (1, 2, 7, 64):
        assert timeless(marco("batch", "q.jsonl", *options, "--parallel", str(parallel)).out) == reference, parallel


@pytest.mark.parametrize(("effort", "rows"), [("none", 16), ("auto", 16), ("medium", 8), ("high", 4), ("max", 2)])
def test_as_many_rows_are_in_flight_as_fill_the_batch(effort: Any, rows: int) -> None:
    """One chain a row, and all requests at once are rows; a search brings several, and is alone with its first one."""
    assert usual_parallel(Settings(effort=effort)) == rows


def test_auto_spends_a_search_on_doubtful_rows_only(marco: Marco) -> None:
    """The report says how many were searched on and what that cost."""
    write("q.jsonl", *questions(6), {"id": "x", "prompt": "a DOUBT 5"}, {"id": "y", "prompt": "a DOUBT 7"})
    run = marco("batch", "q.jsonl", "--doubt-below", "0.999", "--vote", "best", "--reward", "confidence")
    rows = {row["id"]: row for row in read(run.out)}

    assert rows["q1"]["search"]["escalated"] is False
    assert rows["x"]["search"] == {**rows["x"]["search"], "escalated": True, "first_answer": "1"}
    assert rows["x"]["strategy"] == "mcts"
    assert "auto: 2 of 8 rows searched on (25 %)" in run.err


def test_rows_may_have_settings_of_their_own(marco: Marco) -> None:
    """Preset, strategy, seed and budgets; what cannot be is that row's error."""
    write(
        "q.jsonl",
        {"id": "plain", "prompt": "1"},
        {"id": "own", "prompt": "2", "strategy": "vote", "simulations": 2, "seed": 5, "preset": "marco-o1"},
        {"id": "none", "prompt": "3", "preset": "no-such-preset"},
        {"id": "long", "prompt": "4", "max_tokens": 10**6},
        {"id": "system", "prompt": "5", "system": "Answer 8."},
    )
    rows = {row["id"]: row for row in read(marco("batch", "q.jsonl", "--effort", "none").out)}

    assert (rows["own"]["strategy"], rows["own"]["seed"], rows["own"]["preset"]) == ("vote", 5, "marco-o1")
    assert rows["own"]["search"]["simulations"] == 2
    assert rows["plain"]["strategy"] == "cot"
    assert rows["none"]["error"]["type"] == "config"
    assert rows["long"]["error"]["type"] == "context_overflow"
    assert rows["system"]["usage"]["prompt_tokens"] > rows["plain"]["usage"]["prompt_tokens"]


def test_each_row_draws_its_own_numbers(marco: Marco) -> None:
    """The same question under two ids is sampled twice; the same id gets the same seed in any file."""
    write("q.jsonl", {"id": "a", "prompt": "x"}, {"id": "b", "prompt": "x"})
    write("r.jsonl", {"prompt": "y"}, {"id": "b", "prompt": "x"})
    first, second = read(marco("batch", "q.jsonl").out)
    again = read(marco("batch", "r.jsonl").out)[1]

    assert first["seed"] != second["seed"] == again["seed"]


@pytest.mark.parametrize("layout", ["gzip", "text", "field", "stdin", "fifo"])
def test_rows_come_from_anywhere(marco: Marco, layout: str) -> None:
    """Packed, plain text, another key, stdin, a named pipe."""
    data = b"\n".join(json.dumps(row).encode() for row in questions(3))
    path = Path("input")
    options: tuple[str, ...] = ()
    if layout == "gzip":
        data = gzip.compress(data)
    elif layout == "text":
        data, options = b"one plus 0\r\n\r\none plus 1\none plus 2", ("--text",)
    elif layout == "field":
        data, options = data.replace(b"question", b"task"), ("--field", "task")
    path.write_bytes(data)
    run = marco("batch", "-" if layout == "stdin" else path, *options, stdin=data if layout == "stdin" else b"")

    assert run.code == 0, run.err
    assert [row["answer"] for row in read(run.out)] == ["0", "1", "2"]


def test_openai_requests_and_results(marco: Marco) -> None:
    """An envelope in, an envelope out: content, reasoning_content and usage where readers look for them."""
    request = {"method": "POST", "url": "/v1/chat/completions"}
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "one plus 1"}], "max_tokens": 200}
    write("q.jsonl", {"custom_id": "a", **request, "body": body}, {"custom_id": "b", **request, "body": {}})
    good, bad = read(marco("batch", "q.jsonl", "--format", "openai", "-o", "a.jsonl").out or Path("a.jsonl"))

    completion = good["response"]["body"]
    assert (good["custom_id"], good["response"]["status_code"], good["error"]) == ("a", 200, None)
    assert completion["choices"][0]["message"]["content"] == "The answer is 1."
    assert completion["choices"][0]["message"]["reasoning_content"] == "one plus 1"
    assert completion["choices"][0]["finish_reason"] == "stop"
    assert completion["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0
    assert (bad["response"], bad["error"]["code"], bad["marco"]["status"]) == (None, "input", "error")
    assert marco("batch", "q.jsonl", "--format", "openai", "-o", "a.jsonl", "--resume").code == 3
    assert len(read(Path("a.jsonl"))) == 2


def test_doubtful_answers_are_abstained_from(marco: Marco) -> None:
    """They are marked, not dropped, and are not failure."""
    write("q.jsonl", *questions(1), {"id": "x", "prompt": "a DOUBT 5"})
    run = marco("batch", "q.jsonl", "--effort", "none", "--min-confidence", "0.999")

    assert run.code == 0
    assert [row["status"] for row in read(run.out)] == ["ok", "abstained"]
    assert read(run.out)[1]["answer"] == "1"


def test_duplicates_are_refused_in_a_file_and_marked_in_a_stream(marco: Marco) -> None:
    """A file is refused before anything is done; in a stream the second row is an error that goes by its line."""
    rows = [*questions(2), {"id": "q0", "prompt": "again 7"}]
    path = write("q.jsonl", *rows)
    refused = marco("batch", path, "-o", "a.jsonl")

    assert refused.code == 6
    assert "'q0' is on line 1 and on line 3" in refused.err
    assert not Path("a.jsonl").exists()

    streamed = marco("batch", "-", stdin=path.read_bytes())
    assert streamed.code == 3
    assert [row["id"] for row in read(streamed.out)] == ["q0", "q1", "line-3"]
    assert "'q0' was on line 1" in read(streamed.out)[2]["error"]["message"]


def test_going_on_answers_only_what_is_left(marco: Marco) -> None:
    """Rows that are there stay byte for byte, others follow; with nothing left no model is opened."""
    write("half.jsonl", *questions(4))
    write("q.jsonl", *questions(9))
    marco("batch", "half.jsonl", "-o", "a.jsonl")
    before = Path("a.jsonl").read_bytes()
    run = marco("batch", "q.jsonl", "-o", "a.jsonl", "--resume")

    assert run.code == 0
    assert Path("a.jsonl").read_bytes().startswith(before)
    assert [row["id"] for row in read(Path("a.jsonl"))] == [f"q{n}" for n in range(9)]
    assert "5 rows in" in run.err
    assert "4 rows from earlier runs" in run.err

    again = marco("batch", "q.jsonl", "-o", "a.jsonl", "--resume")
    assert again.code == 0
    assert "nothing is left to do: 9 rows are there" in again.err


def test_a_stream_can_be_gone_on_with(marco: Marco) -> None:
    """Rows of stdin that the file holds are skipped; a changed one takes the place of the old."""
    write("q.jsonl", *questions(3))
    marco("batch", "q.jsonl", "-o", "a.jsonl")
    rows = [{**row, "question": "one plus 8?"} if row["id"] == "q1" else row for row in questions(5)]
    more = write("more.jsonl", *rows).read_bytes()
    run = marco("batch", "-", "-o", "a.jsonl", "--resume", stdin=more)
    again = marco("batch", "-", "-o", "a.jsonl", "--resume", stdin=more)

    assert run.code == again.code == 0
    assert "nothing is left to do: 5 rows are there" in again.err
    assert [(row["id"], row["answer"]) for row in read(Path("a.jsonl"))] == [
        ("q0", "0"), ("q1", "8"), ("q2", "2"), ("q3", "3"), ("q4", "4"),
    ]  # fmt: skip
    assert "3 rows in" in run.err


def test_changed_rows_are_answered_again_in_their_place(marco: Marco) -> None:
    """Same id, new content: told, answered, and each id still once and in order."""
    write("q.jsonl", *questions(4))
    marco("batch", "q.jsonl", "-o", "a.jsonl")
    rows = [{**row, "question": "one plus 8?"} if row["id"] == "q1" else row for row in questions(4)]
    write("q.jsonl", *rows)
    run = marco("batch", "q.jsonl", "-o", "a.jsonl", "--resume")

    assert "1 rows were changed" in run.err
    assert [(row["id"], row["answer"]) for row in read(Path("a.jsonl"))] == [
        ("q0", "0"), ("q1", "8"), ("q2", "2"), ("q3", "3"),
    ]  # fmt: skip


def test_failed_rows_are_tried_again_on_request(marco: Marco) -> None:
    """Plain `--resume` leaves them, and the run still counts as incomplete; `--retry-errors` answers them in place."""
    write("q.jsonl", *questions(2), {"id": "long", "prompt": "x" * 5000}, *questions(4)[2:])
    options = ("batch", "q.jsonl", "-o", "a.jsonl")
    first = marco(*options)
    assert first.code == 3
    assert "marco batch q.jsonl -o a.jsonl --retry-errors" in first.err

    assert marco(*options, "--resume").code == 3
    rows = read(Path("a.jsonl"))
    assert [row["status"] for row in rows] == ["ok", "ok", "error", "ok", "ok"]
    assert marco(*options, "--retry-errors").code == 3
    assert [row["id"] for row in read(Path("a.jsonl"))] == ["q0", "q1", "long", "q2", "q3"]
    assert [row["input_sha256"] for row in read(Path("a.jsonl"))] == [row["input_sha256"] for row in rows]


def test_what_failed_and_does_not_come_again_stays(marco: Marco) -> None:
    """`--retry-errors` on a stream answers the failed rows that it brings, in place, and keeps those that it does not."""
    rows = [*questions(2), {"id": "m", "prompt": "MUTE"}, {"id": "n", "prompt": "MUTE"}]
    marco("batch", write("q.jsonl", *rows), "-o", "a.jsonl")
    before = {row["id"]: row for row in read(Path("a.jsonl"))}
    again = write("again.jsonl", rows[0], rows[3]).read_bytes()
    run = marco("batch", "-", "-o", "a.jsonl", "--retry-errors", stdin=again)
    after = {row["id"]: row for row in read(Path("a.jsonl"))}

    assert run.code == 3
    assert "1 row in" in run.err
    assert len(read(Path("a.jsonl"))) == len(rows)
    assert {key: after[key] == before[key] for key in before} == {"q0": True, "q1": True, "m": True, "n": False}
    assert (after["n"]["line"], after["n"]["status"]) == (2, "no_output")

    plain = marco("batch", "-", "-o", "a.jsonl", "--resume", stdin=again)
    assert "nothing is left to do: 2 rows are there" in plain.err


def test_a_failed_row_of_another_input_is_kept_with_force(marco: Marco) -> None:
    """`--force` keeps rows that the input does not have, as its hint says, those that failed included."""
    rows = [*questions(2), {"id": "m", "prompt": "MUTE"}]
    marco("batch", write("q.jsonl", *rows), "-o", "a.jsonl")
    kept = [row for row in read(Path("a.jsonl")) if row["id"] != "q1"]
    part = write("part.jsonl", rows[1], {"id": "n", "prompt": "one plus 7?"})

    assert marco("batch", part, "-o", "a.jsonl", "--retry-errors").code == 2
    run = marco("batch", part, "-o", "a.jsonl", "--retry-errors", "--force")

    assert run.code == 0
    after = read(Path("a.jsonl"))
    assert [row for row in after if row["id"] in ("q0", "m")] == kept
    assert {row["id"] for row in after} == {"q0", "q1", "m", "n"}


def test_an_input_may_be_called_anything_but_the_output(marco: Marco) -> None:
    """`a.jsonl.new` and `a.jsonl.part` are files like any other: what is written beside the output has a name of its own."""
    rows = [b"", *questions(3)]
    for name in ("a.jsonl.new", "a.jsonl.meta.json.new", "a.jsonl.part"):
        before = write(name, *rows).read_bytes()
        marco("batch", name, "-o", "a.jsonl", "--overwrite")
        changed = write(name, *rows[::-1]).read_bytes()
        run = marco("batch", name, "-o", "a.jsonl", "--resume")

        assert run.code == 0, run.err
        assert changed != before
        assert Path(name).read_bytes() == changed
        assert [row["id"] for row in read(Path("a.jsonl"))] == ["q2", "q1", "q0"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["q.jsonl", "-o", "a.jsonl"], 2, "--resume"),
        (["q.jsonl", "-o", "a.jsonl", "--resume", "--seed", "3"], 2, "settings.seed was 0, now 3"),
        (["q.jsonl", "-o", "a.jsonl", "--resume", "--format", "openai"], 2, "format was 'marco'"),
        (["other.jsonl", "-o", "a.jsonl", "--resume"], 2, "holds 3 rows that other.jsonl does not have"),
        (["q.jsonl", "-o", "q.jsonl", "--overwrite"], 2, "q.jsonl is the input"),
        (["./q.jsonl", "-o", "link.jsonl", "--resume"], 2, "is the input"),
        (["q.jsonl", "-o", "a.jsonl", "--resume", "--overwrite"], 2, "choose one"),
        (["q.jsonl", "--resume"], 2, "name a file with -o"),
        (["q.jsonl", "-o", "."], 2, "is a directory"),
        (["q.jsonl", "-o", "missing/a.jsonl"], 7, "missing/a.jsonl"),
        (["q.jsonl", "-o", "fields.jsonl", "--resume", "--force"], 7, "line 1 of"),
        (["q.jsonl", "-o", "fields.jsonl", "--resume", "--force", "--dry-run"], 7, "line 1 of"),
        (["q.jsonl", "-o", "fields.jsonl", "--resume", "--dry-run"], 7, "line 1 of"),
        (["q.jsonl", "-o", "a" * 300], 7, "name too long"),
        (["q.jsonl", "-o", "a.jsonl", "--resume", "--seed", "3", "--dry-run"], 2, "settings.seed was 0, now 3"),
        (["other.jsonl", "-o", "a.jsonl", "--resume", "--dry-run"], 2, "holds 3 rows that other.jsonl does not have"),
        (["missing.jsonl"], 6, "missing.jsonl"),
        (["."], 6, "is a directory"),
        (["picture.png"], 6, "no row of picture.png can be used; line 1"),
        (["array.json"], 6, "jq -c"),
        (["fields.jsonl"], 6, "--field"),
        (["q.jsonl", "--max-errors", "many"], 2, "such as 5%"),
        (["q.jsonl", "--max-errors", "3", "--fail-fast"], 2, "choose one"),
        (["q.jsonl", "--text", "--field", "x"], 2, "choose one"),
        (["q.jsonl", "--parallel", "0"], 2, "--parallel"),
        (["q.jsonl", "--min-confidence", "2"], 2, "--min-confidence"),
        (["q.jsonl", "--strategy", "mtcs"], 2, "mcts"),
        (["q.jsonl", "--model", "nothing-like-it"], 4, "nothing-like-it"),
        ([], 2, "IN"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(marco: Marco, arguments: list[str], code: int, words: str) -> None:
    """With its exit code and the remedy, before anything is written or changed."""
    write("q.jsonl", *questions(3))
    write("other.jsonl", {"id": "z", "prompt": "9"})
    write("array.json", b'[{"prompt": "x"},', b'{"prompt": "y"}]')
    write("fields.jsonl", {"text": "x"})
    Path("picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + os.urandom(500))
    Path("link.jsonl").symlink_to("q.jsonl")
    marco("batch", "q.jsonl", "-o", "a.jsonl")
    before = {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()}
    run = marco("batch", *arguments)

    assert run.code == code, run.err
    assert words in run.err
    assert run.out == ""
    assert "Traceback" not in run.err
    assert {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()} == before


def test_force_goes_on_with_another_configuration(marco: Marco) -> None:
    """Old rows stay, new ones follow, and the meta file keeps both."""
    write("q.jsonl", *questions(2))
    write("more.jsonl", *questions(3))
    marco("batch", "q.jsonl", "-o", "a.jsonl")
    run = marco("batch", "more.jsonl", "-o", "a.jsonl", "--resume", "--force", "--effort", "none")

    assert run.code == 0
    assert len(read(Path("a.jsonl"))) == 3
    meta = json.loads(Path("a.jsonl.meta.json").read_text())
    assert meta["configuration"]["settings"]["effort"] == "none"
    assert meta["earlier"][0]["configuration"]["settings"]["effort"] is None
    assert len(meta["configuration"]["model_sha256"][0]) == 64


@pytest.mark.parametrize(
    ("options", "num_rows", "code"),
    [
        ([], 30, 3),
        (["--fail-fast"], 3, 3),
        (["--max-errors", "2"], 12, 3),
        (["--max-errors", "10%"], 18, 3),
        (["--max-errors", "40%"], 30, 3),
    ],
)
def test_a_run_ends_when_too_many_rows_fail(marco: Marco, options: list[str], num_rows: int, code: int) -> None:
    """The row that was too many is written; how to go on is said."""
    rows: list[object] = [b"bad" if n % 4 == 2 else {"prompt": str(n)} for n in range(30)]
    bad = [n for n in range(30) if n % 4 == 2]
    expected = {3: bad[0], 12: bad[2], 18: bad[3], 30: 29}[num_rows] + 1
    write("q.jsonl", *rows)
    run = marco("batch", "q.jsonl", "-o", "a.jsonl", *options)

    assert run.code == code
    assert len(read(Path("a.jsonl"))) == expected
    if expected < 30:
        assert "stopped: " in run.err
        assert "--resume" in run.err
        assert marco("batch", "q.jsonl", "-o", "a.jsonl", "--resume").code == 3
        assert len(read(Path("a.jsonl"))) == 30


def test_a_dry_run_counts_checks_and_measures(marco: Marco) -> None:
    """What is in the file, what is wrong with it, how long it will take; nothing is written."""
    write("q.jsonl", *questions(40), b"{", {"id": "x"})
    run = marco("batch", "q.jsonl", "-o", "a.jsonl", "--dry-run")

    assert run.code == 3
    assert run.out.startswith("rows      42\nbad       2\n  line 41: not JSON")
    assert "for 40 rows (16 rows took" in run.out
    assert not Path("a.jsonl").exists()

    marco("batch", write("part.jsonl", *questions(30)), "-o", "a.jsonl")
    before = Path("a.jsonl").read_bytes()
    run = marco("batch", "q.jsonl", "-o", "a.jsonl", "--resume", "--dry-run")
    assert "done      30" in run.out
    assert "for 10 rows" in run.out
    assert marco("batch", "-", "--dry-run", stdin=before).code == 6
    assert Path("a.jsonl").read_bytes() == before


def test_a_dry_run_counts_what_is_left_as_a_run_would(marco: Marco) -> None:
    """A bad row that is done is not taken off twice, and --retry-errors has the failed ones to do."""
    write("q.jsonl", b"{", {"id": "mute", "prompt": "MUTE"}, *questions(3))
    marco("batch", "q.jsonl", "-o", "a.jsonl")
    Path("a.jsonl").write_bytes(b"".join(Path("a.jsonl").read_bytes().splitlines(keepends=True)[:-1]))

    run = marco("batch", "q.jsonl", "-o", "a.jsonl", "--resume", "--dry-run")
    assert "done      4\n" in run.out
    assert "for 1 row (" in run.out
    run = marco("batch", "q.jsonl", "-o", "a.jsonl", "--retry-errors", "--dry-run")
    assert "done      2\nfailed    2 to be tried again\n" in run.out
    assert "for 2 rows (" in run.out


def test_going_on_after_too_many_errors_gets_on(marco: Marco) -> None:
    """The command that a stopped run names goes to the next row that fails, and at last to the end."""
    write("q.jsonl", *([b"bad"] + [{"prompt": str(n)} for n in range(5)]) * 2)
    lengths: list[int] = []
    for _ in range(3):
        marco("batch", "q.jsonl", "-o", "a.jsonl", "--fail-fast", *(["--resume"] if lengths else []))
        lengths.append(len(read(Path("a.jsonl"))))

    assert lengths == [1, 7, 12]


def test_rows_stay_as_private_as_they_are(marco: Marco) -> None:
    """Putting rows in order, or answering some again, keeps the permissions of the file."""
    write("q.jsonl", *questions(3)[1:])
    marco("batch", "q.jsonl", "-o", "a.jsonl")
    Path("a.jsonl").chmod(0o600)
    write("q.jsonl", *questions(3))
    assert marco("batch", "q.jsonl", "-o", "a.jsonl", "--resume").code == 0

    assert [row["id"] for row in read(Path("a.jsonl"))] == ["q0", "q1", "q2"]
    assert Path("a.jsonl").stat().st_mode & 0o777 == 0o600


def test_ctrl_c_ends_the_look_through_a_long_file(marco: Marco, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one does, and not at the end of the file; nothing is left behind."""
    num_read = 0

    def interrupted(line: Line, layout: Layout) -> BatchRow | BadRow:
        nonlocal num_read
        num_read += 1
        if num_read == 3:
            signal.raise_signal(signal.SIGINT)
        return read_row(line, layout)

    write("q.jsonl", *questions(1000))
    monkeypatch.setattr("marco_cli.commands._batching.read_row", interrupted)

    assert marco("batch", "q.jsonl", "-o", "a.jsonl").code == 130
    assert num_read == 3
    assert not Path("a.jsonl").exists()


def test_quiet_says_nothing_but_what_went_wrong(marco: Marco) -> None:
    """`-q` leaves stderr empty unless there is an error."""
    write("q.jsonl", *questions(3))
    assert marco("batch", "q.jsonl", "-q").err == ""
    write("q.jsonl", *questions(3), b"{")
    assert marco("batch", "q.jsonl", "-q").err.startswith("marco: 1 of 4 rows failed")


def test_text_from_rows_cannot_steer_a_terminal(marco: Marco) -> None:
    """Escape sequences in ids and keys are shown, not sent."""
    write("q.jsonl", {"id": "a\x1b[31m", "prompt": "x"}, {"id": "a\x1b[31m", "prompt": "x"})
    assert "\x1b" not in marco("batch", "q.jsonl").err
    write("q.jsonl", {"\x1b]0;x\x07": 1}, {"prompt": "x"})
    run = marco("batch", "q.jsonl")
    assert "\x1b" not in run.err
    assert "\\x1b" in run.err


def test_an_empty_input_is_an_empty_output(marco: Marco) -> None:
    """No rows in, no rows out, no failure, and one line that says so unless --quiet."""
    Path("q.jsonl").write_bytes(b"\n\n")
    for arguments in (("q.jsonl",), ("-",)):
        run: Run = marco("batch", *arguments)
        assert (run.code, run.out) == (0, "")
        assert run.err == f"marco: no rows in {'stdin' if arguments == ('-',) else 'q.jsonl'}\n"
        assert marco("batch", *arguments, "-q").err == ""


@pytest.mark.weights
@pytest.mark.skipif(not MGSM.is_dir(), reason="the MGSM files are not beside this checkout")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_mgsm_passes_through(marco: Marco, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    """Real questions in either language, through the bundled model, come back in order and none is lost."""
    monkeypatch.setattr("marco_cli.commands._batching.open_solver", solver.open_solver)
    with (MGSM / f"mgsm_{language}.tsv").open(encoding="utf-8", newline="") as file:
        problems = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[:NUM_PROBLEMS]
    write("q.jsonl", *({"id": n, "question": q, "meta": {"expected": a}} for n, (q, a) in enumerate(problems)))
    run = marco("batch", "q.jsonl", "-o", "a.jsonl", "-q", "--effort", "none", "--max-tokens", "16")
    rows = read(Path("a.jsonl"))

    assert run.code in (0, 3)
    assert [row["id"] for row in rows] == list(range(len(problems)))
    assert [row["meta"]["expected"] for row in rows] == [answer for _, answer in problems]
    assert {row["status"] for row in rows} <= {"ok", "no_output"}
    assert all(
        row["usage"]["prompt_tokens"] > len(question) / 12 for row, (question, _) in zip(rows, problems, strict=True)
    )


@pytest.mark.parametrize("name", ["q.jsonl", "a.jsonl", "./a.jsonl", "a.jsonl.meta.json"])
def test_traces_go_to_a_file_of_their_own(marco: Marco, name: str) -> None:
    """A file of traces that is the input, the output or its description is refused before anything is read or made."""
    write("q.jsonl", *questions(2))
    run = marco("batch", "q.jsonl", "-o", "a.jsonl", "--traces", name, "--model", "no-such-model")

    assert run.code == 2
    assert "--traces" in run.err
    assert [path.name for path in Path().glob("*.json*")] == ["q.jsonl"]


def test_overwriting_waits_until_the_input_is_checked(marco: Marco) -> None:
    """An input that cannot be begun with leaves the old answers as they were."""
    write("q.jsonl", *questions(2))
    assert marco("batch", "q.jsonl", "-o", "a.jsonl").code == 0
    before = Path("a.jsonl").read_bytes()
    write("q.jsonl", *questions(1), *questions(1))
    run = marco("batch", "q.jsonl", "-o", "a.jsonl", "--overwrite")

    assert run.code == 6
    assert Path("a.jsonl").read_bytes() == before


def test_a_trace_that_cannot_be_made_costs_no_row(marco: Marco, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are answered all the same, and that there are no traces is said once, also with --quiet."""
    write("q.jsonl", *questions(3))

    def fail(*_: object, **__: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr("marco_cli.batch.answering.from_result", fail)
    run = marco("batch", "q.jsonl", "-o", "a.jsonl", "--traces", "t.jsonl", "-q")

    assert run.code == 0
    assert [row["status"] for row in read(Path("a.jsonl"))] == ["ok"] * 3
    assert run.err.count("no more traces are kept") == 1


def test_traces_without_a_place_are_refused_before_a_row(marco: Marco) -> None:
    """A file of traces that cannot be made ends the run before the model is loaded."""
    write("q.jsonl", *questions(1))
    run = marco("batch", "q.jsonl", "-o", "a.jsonl", "--traces", "nowhere/t.jsonl")

    assert run.code == 7
    assert not Path("a.jsonl").exists()


def test_a_row_that_is_not_written_leaves_no_trace(marco: Marco, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace comes after its row, so going on after a full disk keeps one trace for each row."""
    write("q.jsonl", *questions(4))
    arguments = ("batch", "q.jsonl", "-o", "a.jsonl", "--traces", "t.jsonl")
    journal_append, count = Journal.append, iter(range(4))

    def fill(self: Journal, row: bytes) -> None:
        if next(count) == 2:
            raise StorageError("the disk is full")
        journal_append(self, row)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "append", fill)
        assert marco(*arguments).code == 7
    assert marco(*arguments, "--resume").code == 0
    assert sorted(trace["item"] for trace in read(Path("t.jsonl"))) == ["q0", "q1", "q2", "q3"]


def test_an_interrupted_overwriting_leaves_old_rows_until_there_are_new_ones(
    marco: Marco, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C before the first row: the output is as it was, and what is said of it is true."""
    write("q.jsonl", *questions(2))
    assert marco("batch", "q.jsonl", "-o", "a.jsonl").code == 0
    before = Path("a.jsonl").read_bytes()

    async def interrupted(*_: object, **__: object) -> bool:
        return False

    monkeypatch.setattr("marco_cli.commands._batching.run_rows", interrupted)
    run = marco("batch", "q.jsonl", "-o", "a.jsonl", "--overwrite")

    assert run.code == 130
    assert "nothing was overwritten yet" in run.err
    assert Path("a.jsonl").read_bytes() == before
