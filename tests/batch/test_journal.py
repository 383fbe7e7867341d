import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from marco_cli import jsonl
from marco_cli.batch.entries import JournalEntry, read_done
from marco_cli.batch.journal import Journal, Mode, open_journal
from marco_cli.batch.meta import meta_path
from marco_cli.draft import make_draft
from marco_cli.errors import ConfigError, InputError, StorageError


def read_entry(row: object) -> JournalEntry:
    """Read the rows of these tests."""
    if not isinstance(row, dict) or "key" not in row:
        raise InputError("no key")
    return JournalEntry(key=str(row["key"]), input_hash=str(row["hash"]), status=str(row["status"]))


def row(key: object, *, digits: str = "00000000000000ff", status: str = "ok", text: str = "汉字\u2028") -> bytes:
    """Return a row as bytes."""
    return jsonl.encode({"key": key, "hash": digits, "status": status, "text": text})


def opened(path: Path, mode: Mode = "resume", **more: Any) -> Journal:
    """Open a journal with what all tests have in common."""
    return open_journal(
        path,
        **{"mode": mode, "configuration": {"seed": 1}, "facts": {"version": "1"}, "read_entry": read_entry, **more},
    )


def write(path: Path, *rows: bytes, **more: Any) -> None:
    """Make a journal with rows."""
    with opened(path, "create", **more) as journal:
        for each in rows:
            journal.append(each)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the output goes."""
    return tmp_path / "out.jsonl"


def test_rows_are_on_disk_as_soon_as_append_returns(path: Path) -> None:
    """Whoever reads the file sees every row that was appended, while it is still open."""
    with opened(path, "create") as journal:
        for number in range(3):
            journal.append(row(number))
            assert path.read_bytes().count(b"\n") == number + 1


def test_the_description_is_there_before_the_first_row(path: Path) -> None:
    """A run that dies before its first row has said what it was."""
    with opened(path, "create", configuration={"model": {"sha256": "a1"}, "seed": 3}):
        meta = json.loads(meta_path(path).read_bytes())

        assert meta["configuration"] == {"model": {"sha256": "a1"}, "seed": 3}
        assert meta["facts"] == {"version": "1"}
        assert path.read_bytes() == b""


def test_what_is_done_is_known_by_key_hash_and_status(path: Path) -> None:
    """Opening again finds each row; another key, or another input, is told apart."""
    write(path, row("a"), row("b", digits="123456789abcdef0ffff", status="error"))

    with opened(path) as journal:
        found = journal.done.get("b")
        assert found is not None
        assert (found.input_hash, found.status) == ("123456789abcdef0ffff", "error")
        assert journal.done.get("c") is None
        assert len(journal.done) == 2
        assert journal.notices == []


@pytest.mark.parametrize("mode", ["create", "resume", "overwrite"])
def test_an_existing_file_is_continued_or_emptied_only_on_request(path: Path, mode: Mode) -> None:
    """Plainly it is refused and untouched; resuming keeps its rows, overwriting drops them."""
    write(path, row("a"))
    before = path.read_bytes()

    if mode == "create":
        with pytest.raises(ConfigError, match="exists") as caught:
            opened(path, mode)
        assert "--resume" in str(caught.value.hint)
        assert path.read_bytes() == before
        return
    with opened(path, mode) as journal:
        journal.append(row("b"))
    assert path.read_bytes() == (before if mode == "resume" else b"") + row("b")


def test_resuming_what_was_never_begun_begins_it(path: Path) -> None:
    """`--resume` can stand in a loop from the first time on."""
    with opened(path, "resume") as journal:
        assert journal.is_empty


def test_what_came_to_nothing_leaves_nothing(path: Path) -> None:
    """An error before the first row does not make the next try fail because the file exists."""

    def fail() -> None:
        with opened(path, "create"):
            raise ValueError("no model")

    with pytest.raises(ValueError, match="no model"):
        fail()
    assert list(path.parent.iterdir()) == []


def test_another_configuration_is_refused_and_named(path: Path) -> None:
    """The message says which setting differs and how; the file stays as it was."""
    write(path, row("a"), configuration={"settings": {"top_p": 0.9, "seed": 1}})

    with pytest.raises(ConfigError, match=r"settings.top_p was 0.9, now 0.5") as caught:
        opened(path, configuration={"settings": {"top_p": 0.5, "seed": 1}})
    assert "--force" in str(caught.value.hint)
    before = meta_path(path).read_bytes()
    with opened(path, configuration={"settings": {"top_p": 0.9, "seed": 1}}, facts={"version": "2"}):
        assert meta_path(path).read_bytes() == before


def test_force_goes_on_and_keeps_the_old_configuration(path: Path) -> None:
    """What rows were made with can be read off the meta file even then."""
    write(path, row("a"))

    for seed in (2, 3):
        with opened(path, configuration={"seed": seed}, force=True) as journal:
            assert len(journal.done) == 1
    meta = json.loads(meta_path(path).read_bytes())
    assert [earlier["configuration"] for earlier in meta["earlier"]] == [{"seed": 1}, {"seed": 2}]


@pytest.mark.parametrize("content", [None, b"", b'{"half":'])
def test_rows_that_nothing_describes_are_refused(path: Path, content: bytes | None) -> None:
    """Without a readable meta file nobody knows what the rows belong to: only `force` goes on."""
    write(path, row("a"))
    if content is None:
        meta_path(path).unlink()
    else:
        meta_path(path).write_bytes(content)

    with pytest.raises(ConfigError, match=r"meta\.json is missing or damaged"):
        opened(path)
    with opened(path, force=True) as journal:
        assert len(journal.done) == 1


def test_a_second_run_is_locked_out(path: Path) -> None:
    """Two processes never write one file; the lock goes with the process that holds it."""
    code = (
        "import sys; from pathlib import Path; from batch.test_journal import opened\n"
        "with opened(Path(sys.argv[1])): print('open', flush=True); sys.stdin.read()"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        for mode in ("resume", "overwrite"):
            with pytest.raises(ConfigError, match="another run"):
                opened(path, mode)
        other.kill()
        other.wait()
    with opened(path):
        pass


@pytest.mark.parametrize("length", range(len(row("b", text="汉")) + 1))
def test_a_torn_tail_is_repaired_at_every_byte(path: Path, length: int) -> None:
    """However much of the last row reached the disk, the rows before it stay and the next one follows on a new line."""
    write(path, row("a"), row("b", text="汉"))
    whole = path.read_bytes()
    last = row("b", text="汉")
    path.write_bytes(whole[: len(whole) - len(last) + length])

    with opened(path) as journal:
        is_kept = length >= len(last) - 1
        assert (journal.done.get("b") is not None) == is_kept
        assert len(journal.notices) == (0 < length < len(last) - 1)
        journal.append(row("c"))
    assert path.read_bytes() == row("a") + (last if is_kept else b"") + row("c")


@pytest.mark.parametrize("tail", [b"\0" * 4096, b"\0" * 100 + b"\n", b"\xff\xfe\n"])
def test_what_a_power_cut_leaves_is_repaired(path: Path, tail: bytes) -> None:
    """A last line of zeros, or of anything that is not JSON, is dropped and told."""
    write(path, row("a"))
    with path.open("ab") as file:
        file.write(tail.replace(b'{"key": 1}', b'{"k": 1}'))

    with opened(path) as journal:
        assert len(journal.notices) == 1
    assert path.read_bytes() == row("a")


def test_a_damaged_line_in_the_middle_is_refused_by_number(path: Path) -> None:
    """That is not a torn tail: nothing is guessed and nothing is changed."""
    write(path, row("a"), row("b"), row("c"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][: len(lines[1]) // 2] + b"\n" + lines[2])
    before = path.read_bytes()

    with pytest.raises(StorageError, match="line 2"):
        opened(path)
    assert path.read_bytes() == before


def test_a_file_that_is_none_of_ours_is_never_cut(path: Path) -> None:
    """A text file given by mistake is refused, even if it has one line only."""
    path.write_text("notes that somebody wrote\n")

    with pytest.raises(ConfigError, match="missing"):
        opened(path)
    with pytest.raises(StorageError, match="line 1"):
        opened(path, force=True)
    assert path.read_text() == "notes that somebody wrote\n"


def test_rows_are_put_in_order_in_one_step(path: Path) -> None:
    """Positions sort, None removes, and of several rows with one key the last stays."""
    write(path, row("c"), row("a", status="error"), row("x"), row("b"), row("a"))

    with opened(path) as journal:
        inode = path.stat().st_ino
        removed = journal.arrange(lambda entry: {"a": 0, "b": 1, "c": 2}.get(entry.key))
        assert removed == 2
        assert path.read_bytes() == row("a") + row("b") + row("c")
        assert path.stat().st_ino != inode
        with pytest.raises(ConfigError, match="another run"):
            opened(path)
        journal.append(row("d"))
        inode = path.stat().st_ino
        assert journal.arrange(lambda entry: ord(entry.key)) == 0
        assert path.stat().st_ino == inode, "a file in order is not written again"
    assert path.read_bytes() == row("a") + row("b") + row("c") + row("d")
    assert {file.name for file in path.parent.iterdir()} == {path.name, meta_path(path).name}


def test_rewriting_touches_no_file_of_others(path: Path) -> None:
    """Rows are put in order beside whatever lies there, and the file stays as private as it was."""
    write(path, row("b"), row("a"))
    path.chmod(0o600)
    others = [path.with_name(f"{path.name}{end}") for end in (".new", ".part", ".meta.json.new")]
    for other in others:
        other.write_bytes(b"mine")

    with opened(path, configuration={"seed": 2}, force=True) as journal:
        journal.arrange(lambda entry: ord(entry.key))
    assert path.read_bytes() == row("a") + row("b")
    assert path.stat().st_mode & 0o777 == 0o600
    assert all(other.read_bytes() == b"mine" for other in others)
    assert len(list(path.parent.iterdir())) == len(others) + 2


def test_what_a_kill_left_of_a_rewriting_is_removed(path: Path) -> None:
    """Whoever opens the file next, which nobody else can write then, tidies up."""
    write(path, row("a"))
    for draft_of in (path, meta_path(path)):
        os.close(make_draft(draft_of)[0])
    with opened(path):
        assert {file.name for file in path.parent.iterdir()} == {path.name, meta_path(path).name}


@pytest.mark.parametrize("step", ["append", "arrange"])
def test_a_disk_that_is_full_costs_the_row_in_hand_only(path: Path, step: str) -> None:
    """A write that is cut short leaves the file with the rows before it, and it can be continued."""
    write(path, row("b"), row("a"))
    before = path.read_bytes()
    old = resource.getrlimit(resource.RLIMIT_FSIZE)

    with opened(path) as journal:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + (20 if step == "append" else -20), old[1]))
        try:
            with pytest.raises(StorageError) as caught:
                journal.append(row("c")) if step == "append" else journal.arrange(lambda entry: ord(entry.key))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)
        assert "--resume" in str(caught.value.hint)
        assert path.read_bytes() == before
        assert {file.name for file in path.parent.iterdir()} == {path.name, meta_path(path).name}
        journal.append(row("c"))
    with opened(path) as journal:
        assert journal.notices == []
        assert len(journal.done) == 3


def test_what_cannot_be_begun_leaves_nothing(path: Path) -> None:
    """A disk too full for the description: the same command can be given again when there is space."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, old[1]))
    try:
        with pytest.raises(StorageError):
            opened(path, "create")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)

    assert list(path.parent.iterdir()) == []
    write(path, row("a"))


@pytest.mark.parametrize("name", ["directory", "missing/out.jsonl", "fifo", "circle"])
def test_places_that_hold_no_file_are_named(tmp_path: Path, name: str) -> None:
    """A directory, a path without one, a pipe, a link to itself: one line, exit code 2 or 7, and no hanging."""
    (tmp_path / "directory").mkdir()
    (tmp_path / "circle").symlink_to("circle")
    os.mkfifo(tmp_path / "fifo")

    with pytest.raises((ConfigError, StorageError)) as caught:
        opened(tmp_path / name)
    assert name in caught.value.message
    assert caught.value.hint


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """Rows go to the file that a symbolic link points at, also when that file is rewritten."""
    target, link = tmp_path / "target.jsonl", tmp_path / "link.jsonl"
    link.symlink_to(target)
    write(link, row("b"), row("a"))

    with opened(link) as journal:
        journal.arrange(lambda entry: ord(entry.key))
    assert link.is_symlink()
    assert target.read_bytes() == row("a") + row("b")


def test_looking_does_not_touch(path: Path) -> None:
    """What is done can be read while nothing is changed, a torn tail included; damage in the middle is named."""
    write(path, row("a"), row("b"))
    with path.open("ab") as file:
        file.write(row("c")[:9])
    before = path.read_bytes()

    done = read_done(path, read_entry)
    assert (len(done), done.get("b") is not None, done.get("c")) == (2, True, None)
    assert path.read_bytes() == before
    path.write_bytes(b"{}\n" + before)
    with pytest.raises(StorageError, match="line 1"):
        read_done(path, read_entry)


def test_overwriting_keeps_the_old_rows_until_there_is_a_new_one(path: Path) -> None:
    """What goes wrong before the first new row costs nothing: rows and their description are as they were."""
    write(path, row("a"), row("b"))
    before = path.read_bytes(), meta_path(path).read_bytes()

    def fail() -> None:
        with opened(path, "overwrite", configuration={"seed": 2}) as journal:
            assert journal.is_empty
            raise ValueError("no model")

    with pytest.raises(ValueError, match="no model"):
        fail()
    assert (path.read_bytes(), meta_path(path).read_bytes()) == before
    with opened(path, "overwrite", configuration={"seed": 2}) as journal:
        journal.append(row("c"))
        assert path.read_bytes() == row("c")
        assert json.loads(meta_path(path).read_bytes())["configuration"] == {"seed": 2}


def test_a_whole_last_line_of_another_kind_is_not_cut_off(path: Path) -> None:
    """A line that ends and is JSON is somebody's: it is named in the error, and the file stays as it was."""
    write(path, row("a"))
    with path.open("ab") as file:
        file.write(b'{"foreign": 1}\n')
    before = path.read_bytes()

    for look in (opened, lambda file: read_done(file, read_entry)):
        with pytest.raises(StorageError, match="line 2 of"):
            look(path)
    assert path.read_bytes() == before
