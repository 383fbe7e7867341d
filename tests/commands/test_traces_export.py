import json
from collections.abc import Callable
from pathlib import Path

import pytest
from commands.program import Marco
from search.scripts import SUM, grown_script
from traced import traced

from marco_cli.trace.export import FORMATS
from marco_cli.trace.fields import FIELDS
from marco_cli.trace.record import Trace
from marco_cli.trace.store import append, save


@pytest.fixture(scope="module")
def found() -> list[Trace]:
    """Return traces of three searches: two turns of a conversation and a row whose target is known."""
    first = traced(SUM, strategy="mcts", simulations=6, more={"source": "chat", "turn": 1, "session": "20260101-talk"})
    second = {"source": "chat", "turn": 2, "session": "20260101-talk"}
    row = {"source": "eval", "target": "4", "item": "row-1"}
    return [
        first,
        traced(SUM, strategy="mcts", simulations=6, question="3+3?", more=second),
        traced(grown_script(3), strategy="mcts", simulations=6, question="1+1?", more=row),
    ]


@pytest.fixture
def kept(found: list[Trace], tmp_path: Path) -> list[Trace]:
    """Return the traces, which lie in the state directory."""
    for trace in found:
        save(trace, tmp_path / "state" / "traces")
    return found


def ids(text: str) -> list[str]:
    """Return the ids of exported rows."""
    return [json.loads(line)["trace"]["id"] for line in text.splitlines()]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_goes_to_stdout_or_to_a_file(name: str, marco: Marco, kept: list[Trace], tmp_path: Path) -> None:
    """Without a name it is the newest trace; the bytes are the same in a pipe and in a file."""
    option = ("--margin", "0") if name == "dpo" else ()
    trace = kept[0].id
    piped = marco("traces", "export", trace, "--format", name, *option)
    file = tmp_path / f"out{FORMATS[name].suffix}"
    filed = marco("traces", "export", trace, "-F", name, "-o", file, *option)

    assert (piped.code, filed.code) == (0, 0)
    assert piped.out
    assert file.read_text(encoding="utf-8") == piped.out
    assert filed.out == ""
    assert str(file) in filed.err


def test_traces_are_chosen_by_id_session_filter_or_all(marco: Marco, kept: list[Trace]) -> None:
    """Ids, `last`, a conversation, `--all` and a filter choose what their names say, oldest first."""
    first, second, third = (trace.id for trace in kept)
    sft = ("traces", "export", "-F", "sft")

    assert ids(marco(*sft).out) == [third]
    assert ids(marco(*sft, "last", first[-4:]).out) == [third, first]
    assert ids(marco(*sft, "--all").out) == [first, second, third]
    assert ids(marco(*sft, "--session", "20260101-talk").out) == [first, second]
    assert ids(marco(*sft, "--session", "talk", "--where", "turn == 2").out) == [second]
    assert ids(marco(*sft, "--where", "source == 'eval' and target == '4'").out) == [third]
    assert ids(marco(*sft, first, second, "--where", "question == '3+3?'").out) == [second]


def test_rows_of_a_file_of_traces(marco: Marco, found: list[Trace], tmp_path: Path) -> None:
    """What batch and eval keep is exported with `--from`; a torn last line is named and left out."""
    file = tmp_path / "traces.jsonl"
    for trace in found:
        append(trace, file)
    file.write_bytes(file.read_bytes()[:-50])
    run = marco("traces", "export", "-F", "sft", "--from", file)

    assert run.code == 0
    assert ids(run.out) == [trace.id for trace in found[:2]]
    assert "torn" in run.err
    assert "2 rows from 2 traces" in run.err


def test_documents_of_several_traces_want_a_directory(marco: Marco, kept: list[Trace], tmp_path: Path) -> None:
    """A page is about one trace: several go into a directory, a file each, and nowhere else."""
    refused = marco("traces", "export", "-o", tmp_path / "all.html", "--all")
    run = marco("traces", "export", "-F", "html", "-o", f"{tmp_path}/pages/", "--all")

    assert refused.code == 2
    assert "a directory" in refused.err
    assert not (tmp_path / "all.html").exists()
    assert run.code == 0
    assert {path.name for path in (tmp_path / "pages").iterdir()} == {f"{trace.id}.html" for trace in kept}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "no format is given"),
        (("-F", "htlm"), 2, "did you mean html?"),
        (("-o", "rows.jsonl"), 2, "no format is given"),
        (("-F", "sft", "--where", "confidance > 1"), 2, "did you mean confidence?"),
        (("-F", "sft", "--where", "confidence > 1"), 6, "fits none of 3 traces"),
        (("-F", "sft", "--layout", "alpaca"), 2, "expected messages or sharegpt"),
        (("-F", "sft", "nobody"), 6, "no trace 'nobody'"),
        (("-F", "sft", "--session", "nobody"), 6, "no conversation 'nobody'"),
        (("-F", "sft", "--all", "last"), 2, "--all"),
        (("-F", "sft", "--from", "nowhere.jsonl"), 6, "nowhere.jsonl"),
        (("-F", "sft", "--from", "~nobody-here/x", "-o", "b" * 300), 6, "no file of traces at ~nobody-here/x"),
        (("-F", "sft", "-o", "a" * 300), 7, "name too long"),
        (("-F", "dpo", "--margin", "1"), 3, "nothing to export: 1 left out"),
        (("-F", "dpo", "--pairs", "0"), 2, "--pairs is 0"),
    ],
)
def test_what_cannot_be_exported_is_said_in_one_line(
    arguments: tuple[str, ...], code: int, message: str, marco: Marco, kept: list[Trace]
) -> None:
    """Wrong names, filters and files end with their exit code, a remedy, and nothing on stdout."""
    if code == 3:
        arguments = (*arguments, kept[0].id)
    run = marco("traces", "export", *arguments)

    assert (run.code, run.out) == (code, "")
    assert message in run.err


def test_no_trace_at_all_is_no_success(marco: Marco) -> None:
    """With nothing kept yet there is a line on how to get a trace."""
    run = marco("traces", "export", "-F", "sft", "--all")
    assert run.code == 6
    assert "marco ask" in run.err


def test_a_file_that_cannot_be_written_leaves_nothing_behind(marco: Marco, kept: list[Trace], tmp_path: Path) -> None:
    """A path through a file is a storage error; an existing file is replaced whole or not at all."""
    (tmp_path / "file").write_text("mine")
    run = marco("traces", "export", "-o", tmp_path / "file" / "tree.html")

    assert run.code == 7
    assert (tmp_path / "file").read_text() == "mine"
    assert not list(tmp_path.glob(".*part"))


def test_the_fields_of_a_filter_can_be_listed(marco: Marco) -> None:
    """`--where help` names every field with what it is."""
    run = marco("traces", "export", "--where", "help")
    assert run.code == 0
    assert {line.split()[0] for line in run.out.splitlines()} == set(FIELDS)


@pytest.mark.weights
def test_an_evaluation_becomes_data_to_fine_tune_on(marco: Marco, tmp_path: Path) -> None:
    """`marco eval --traces` and an export of what was right make chats of the data set's own questions."""
    file = tmp_path / "traces.jsonl"
    evaluated = marco("eval", "nano", "--limit", "4", "--strategy", "vote@4", "--traces", file, "-q")
    run = marco("traces", "export", "-F", "sft", "--from", file, "--where", "correct")
    rows = [json.loads(line) for line in run.out.splitlines()]

    assert (evaluated.code, run.code) == (0, 0)
    assert 0 < len(rows) <= 4
    assert all(row["trace"]["item"] and row["trace"]["correct"] == "yes" for row in rows)
    assert all(row["messages"][-1]["content"].startswith("<Thought>") for row in rows)


@pytest.mark.weights
def test_a_batch_leaves_what_can_be_exported(marco: Marco, tmp_path: Path) -> None:
    """`marco batch --traces` keeps each row's search under the row's id; a place that cannot be is refused at once."""
    rows, file = tmp_path / "rows.jsonl", tmp_path / "traces.jsonl"
    rows.write_text('{"id": "a", "prompt": "What is 12 + 30?"}\n{"id": 7, "prompt": "What is 2 + 3?"}\n')
    batch = ("batch", rows, "--model", "marco-nano", "-q")
    kept = marco(*batch, "-o", tmp_path / "one.jsonl", "--traces", file)
    refused = marco(*batch, "-o", tmp_path / "two.jsonl", "--traces", rows / "impossible")
    run = marco("traces", "export", "-F", "sft", "--from", file)

    assert (kept.code, refused.code, run.code) == (0, 7, 0)
    assert {json.loads(line)["trace"]["item"] for line in run.out.splitlines()} == {"a", "7"}
    assert not (tmp_path / "two.jsonl").exists()


def test_traces_are_not_replaced_by_what_is_made_of_them(marco: Marco, found: list[Trace], tmp_path: Path) -> None:
    """An output that is the file of traces, under whatever name, is refused, and the traces stay."""
    file, link = tmp_path / "t.jsonl", tmp_path / "link.jsonl"
    append(found[0], file)
    link.symlink_to(file)
    before = file.read_bytes()

    for output in (file, link):
        run = marco("traces", "export", "--from", file, "-F", "sft", "-o", output)
        assert run.code == 2
        assert "-o" in run.err
    assert file.read_bytes() == before


@pytest.mark.parametrize("chosen", [("--all",), ("--session", "20260101-talk"), ()])
@pytest.mark.parametrize("name", ["sft", "json"])
def test_a_folder_of_traces_is_not_exported_over_itself(
    name: str, chosen: tuple[str, ...], marco: Marco, kept: list[Trace], tmp_path: Path
) -> None:
    """Rows have the names that traces have: into their own folder they are refused, by whatever name, before any is written."""
    folder = tmp_path / "state" / "traces"
    (tmp_path / "link").symlink_to(folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    newest = kept[-1].id if chosen != ("--session", "20260101-talk") else kept[1].id

    for source in ((), ("--from", folder)):
        for output in (folder, f"{folder}/", tmp_path / "link"):
            run = marco("traces", "export", "-F", name, *chosen, *source, "-o", output)
            assert (run.code, run.out) == (2, "")
            assert "name another with -o" in run.err
    run = marco("traces", "export", "-F", name, newest, "-o", folder / f"{newest}.jsonl")

    assert run.code == 2
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_pages_may_lie_beside_their_traces(marco: Marco, kept: list[Trace], tmp_path: Path) -> None:
    """What replaces nothing is written where it is wanted, and the traces are still listed."""
    folder = tmp_path / "state" / "traces"
    run = marco("traces", "export", "-F", "html", "--all", "-o", folder)

    assert run.code == 0
    assert len(list(folder.glob("*.html"))) == len(kept)
    assert len(marco("traces", "list").out.splitlines()) >= len(kept)


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Put a program in the place of the browser, and return a function that reads which links it was given."""
    links = tmp_path / "links.txt"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> "{links}"\necho noise\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    monkeypatch.chdir(tmp_path)
    return lambda: links.read_text().splitlines() if links.exists() else []


@pytest.mark.parametrize("name", ["a page & more.html", None])
def test_a_page_prints_its_link_and_opens(
    name: str | None, marco: Marco, kept: list[Trace], opened: Callable[[], list[str]], tmp_path: Path
) -> None:
    """The link is whole and escaped; with --open the browser gets it; without -o the page lies in this directory."""
    trace = kept[0].id
    run = marco("traces", "export", trace, "--open", *(() if name is None else ("-o", name)))
    link = (tmp_path / (name or f"{trace}.html")).as_uri()

    assert (run.code, run.out) == (0, "")
    assert run.err.splitlines()[-1] == f"marco: {link}"
    assert opened() == [link]
    assert (tmp_path / (name or f"{trace}.html")).is_file()


def test_a_page_that_is_not_opened_prints_its_link_all_the_same(
    marco: Marco, kept: list[Trace], opened: Callable[[], list[str]], tmp_path: Path
) -> None:
    """Several pages have the link of their folder; what goes to stdout, or is not a page, has none."""
    one = marco("traces", "export", "-o", "tree.html")
    several = marco("traces", "export", "--all", "-F", "html", "-o", "pages/")
    rows = marco("traces", "export", "-F", "sft", "-o", "sft.jsonl")
    piped = marco("traces", "export", "-F", "html")
    silent = marco("traces", "export", "-o", "tree.html", "-q")

    assert one.err.endswith(f"marco: {(tmp_path / 'tree.html').as_uri()}\n")
    assert several.err.endswith(f"marco: {(tmp_path / 'pages').as_uri()}\n")
    assert "file:" not in rows.err + piped.err + silent.err
    assert opened() == []


def test_without_a_browser_the_link_is_said(
    marco: Marco, kept: list[Trace], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A machine without a browser costs a line, also with --quiet; the page is there. Rows are refused before they are made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BROWSER", "false %s")
    monkeypatch.setenv("PATH", str(tmp_path))
    run = marco("traces", "export", "-o", "tree.html", "--open", "-q")
    refused = marco("traces", "export", "-F", "sft", "-o", "sft.jsonl", "--open")

    assert run.code == 0
    assert run.err == f"marco: no browser can be opened here; the page is {(tmp_path / 'tree.html').as_uri()}\n"
    assert refused.code == 2
    assert "sft is not one" in refused.err
    assert not (tmp_path / "sft.jsonl").exists()
