import errno
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from patience import PATIENCE
from traced import traced

from marco_cli.config.settings import Settings
from marco_cli.errors import InputError, StorageError
from marco_cli.trace.encoding import encode
from marco_cli.trace.record import Trace, new_id
from marco_cli.trace.store import Skipped, append, entries, find, load, prune, save, save_if_wanted, trace_directory

START = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)


@pytest.fixture(scope="module")
def trace() -> Trace:
    """Return the trace of a small search."""
    return traced(strategy="mcts", simulations=4)


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """Let new files be readable by everybody unless the program sees to it."""
    before = os.umask(0)
    yield
    os.umask(before)


def at(trace: Trace, seconds: float) -> Trace:
    """Return the trace as if it had been made later."""
    moment = START + timedelta(seconds=seconds)
    return replace(trace, id=new_id(moment), created=moment)


def fail(skipped: Skipped) -> None:
    """Refuse that anything is skipped."""
    raise AssertionError(skipped)


def ids(place: Path) -> list[str]:
    """Return the ids of all traces, in their order."""
    return [entry.heading.id for entry in entries(place, fail)]


def test_traces_are_private(trace: Trace, tmp_path: Path) -> None:
    """Files are for the user alone, and so is their folder, whatever the umask and whoever made the folder."""
    folder = tmp_path / "state" / "traces"
    folder.mkdir(parents=True)
    path = save(trace, folder)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [file.name for file in folder.iterdir()] == [f"{trace.id}.jsonl"]

    append(trace, tmp_path / "rows.jsonl")
    assert stat.S_IMODE((tmp_path / "rows.jsonl").stat().st_mode) == 0o600


def test_ids_sort_by_time() -> None:
    """A list of names is a list by time, across days and years."""
    moments = [START + timedelta(milliseconds=step) for step in (0, 1, 999, 1000, 60_000, 86_400_000, 10**11)]
    names = [new_id(moment) for moment in moments]

    assert sorted(names) == names
    assert len({new_id(START) for _ in range(20)}) > 15


def test_lists_begin_with_the_newest(trace: Trace, tmp_path: Path) -> None:
    """A folder lists its newest trace first, a file its last line."""
    made = [at(trace, second) for second in (5, 1, 3)]
    for each in made:
        save(each, tmp_path / "folder")
        append(each, tmp_path / "file.jsonl")

    assert ids(tmp_path / "folder") == sorted((each.id for each in made), reverse=True)
    assert ids(tmp_path / "file.jsonl") == [each.id for each in reversed(made)]
    assert list(entries(tmp_path / "nothing", fail)) == []


def test_a_trace_is_found_by_part_of_its_id(trace: Trace, tmp_path: Path) -> None:
    """The beginning or the end of an id is enough if only one trace has it; `last` is the newest."""
    made = [at(trace, second) for second in (1, 2)]
    for each in made:
        save(each, tmp_path)
    older, newer = made

    assert load(find(tmp_path, older.id, fail)).id == older.id
    assert load(find(tmp_path, newer.id[:15], fail)).id == newer.id
    assert load(find(tmp_path, older.id[-4:], fail)).id == older.id
    assert load(find(tmp_path, "last", fail)).id == newer.id
    with pytest.raises(InputError, match="2 traces are called '2026'"):
        find(tmp_path, "2026", fail)
    with pytest.raises(InputError, match="no trace 'x'"):
        find(tmp_path, "x", fail)
    with pytest.raises(InputError, match="there are no traces"):
        find(tmp_path / "empty", "last", fail)


def test_the_same_trace_comes_out_of_a_file(trace: Trace, tmp_path: Path) -> None:
    """What was saved is what is loaded, from a folder and from the middle of a file."""
    made = [at(trace, second) for second in (1, 2, 3)]
    for each in made:
        append(each, tmp_path / "file.jsonl")

    assert encode(load(find(tmp_path / "file.jsonl", made[1].id, fail))) == encode(made[1])


@pytest.mark.parametrize("cut", [1, 100, 3000, -1])
def test_a_torn_line_is_skipped_and_named(trace: Trace, tmp_path: Path, cut: int) -> None:
    """A line that a crash cut short costs that line and a notice; the next one is not glued to it."""
    file = tmp_path / "file.jsonl"
    append(at(trace, 1), file)
    torn = encode(at(trace, 2))[:cut]
    # One that ends behind a brace looks whole in a list; loading it finds out.
    file.write_bytes(file.read_bytes() + (torn if cut == -1 else torn.rstrip(b"}")))
    skipped: list[Skipped] = []
    assert next(entry.heading.id for entry in entries(file, skipped.append))[:8] == "20260201"
    assert [str(each) for each in skipped] == ["file.jsonl:2 skipped: its line is torn"]

    append(at(trace, 3), file)
    skipped.clear()
    assert len(list(entries(file, skipped.append))) == (3 if cut == -1 else 2)
    assert len(skipped) == (0 if cut == -1 else 1)


def test_damaged_files_are_in_nobodys_way(trace: Trace, tmp_path: Path) -> None:
    """Empty, torn, foreign and newer files are skipped with a reason each."""
    save(trace, tmp_path)
    (tmp_path / "0-empty.jsonl").write_bytes(b"")
    (tmp_path / "1-torn.jsonl").write_bytes(encode(trace)[:-9])
    (tmp_path / "2-foreign.jsonl").write_bytes(b'{"a": 1}\n')
    (tmp_path / "3-newer.jsonl").write_bytes(encode(trace).replace(b"marco.trace/1", b"marco.trace/9"))
    (tmp_path / "4-garbage.jsonl").write_bytes(b"\xff\xfe\n")
    (tmp_path / "notes.txt").write_text("no trace")
    skipped: list[Skipped] = []

    assert [entry.heading.id for entry in entries(tmp_path, skipped.append)] == [trace.id]
    reasons = [str(each) for each in skipped]
    assert len(reasons) == 5
    assert "0-empty.jsonl skipped: its line is torn" in reasons
    assert any("3-newer.jsonl skipped: its format is marco.trace/9" in reason for reason in reasons)


def test_the_oldest_go_first(trace: Trace, tmp_path: Path) -> None:
    """Above the limit the oldest traces are deleted; the newest stays even if it is too large by itself."""
    made = [at(trace, second) for second in range(6)]
    size = save(made[0], tmp_path).stat().st_size
    for each in made[1:]:
        save(each, tmp_path)

    assert prune(tmp_path, max_bytes=4 * size + 100).num_traces == 2
    assert ids(tmp_path) == [each.id for each in reversed(made[2:])]
    assert prune(tmp_path, max_bytes=1).num_traces == 3
    assert ids(tmp_path) == [made[5].id]
    assert prune(tmp_path, max_traces=0).num_traces == 1
    assert prune(tmp_path / "nothing", max_traces=0).num_traces == 0


def test_what_a_crash_left_is_cleared_away_in_time(trace: Trace, tmp_path: Path) -> None:
    """An unfinished file of yesterday goes with the next pruning, one of this minute may still be written."""
    save(trace, tmp_path)
    for name, age in (("old", 90_000), ("new", 10)):
        draft = tmp_path / f".{name}.part"
        draft.touch()
        moment = draft.stat().st_mtime - age
        os.utime(draft, (moment, moment))

    prune(tmp_path)
    assert sorted(path.name for path in tmp_path.glob(".*")) == [".new.part"]


def test_keeping_a_trace_never_fails(trace: Trace, tmp_path: Path) -> None:
    """Where nothing can be written the answer stands, and the user learns why there is no trace and how to stop asking."""
    blocked = tmp_path / "state"
    blocked.write_text("a file where the folder should be")
    notice = save_if_wanted(trace, Settings(), {"MARCO_STATE_DIR": str(blocked)})

    assert notice is not None
    assert "\n" not in notice
    assert "--no-trace" in notice
    with pytest.raises(StorageError):
        save(trace, blocked)
    with pytest.raises(StorageError):
        append(trace, blocked / "file.jsonl")


def test_a_file_system_without_locks_will_do(trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody can be kept out, traces are written all the same; any other fault of the lock is told."""
    codes = iter([errno.ENOLCK, errno.EIO])

    def refuse(*_: object) -> None:
        raise OSError(next(codes), "no")

    monkeypatch.setattr("fcntl.flock", refuse)
    append(trace, tmp_path / "file.jsonl")
    with pytest.raises(StorageError):
        append(trace, tmp_path / "file.jsonl")

    assert len((tmp_path / "file.jsonl").read_bytes().splitlines()) == 1


def test_a_full_disk_leaves_the_file_as_it_was(trace: Trace, tmp_path: Path) -> None:
    """A line that does not fit is taken back: no half line stays, and no half file."""
    file = tmp_path / "file.jsonl"
    append(trace, file)
    before = file.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 500, limits[1]))
    try:
        with pytest.raises(StorageError, match="File too large"):
            append(trace, file)
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
        notice = save_if_wanted(trace, Settings(), {"MARCO_STATE_DIR": str(tmp_path / "state")})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert file.read_bytes() == before
    assert notice is not None
    assert list((tmp_path / "state" / "traces").iterdir()) == []


def test_traces_can_be_switched_off(trace: Trace, tmp_path: Path) -> None:
    """With `trace: false` nothing is written, not even a folder; by default they lie in the state directory."""
    environ = {"MARCO_STATE_DIR": str(tmp_path / "state")}

    assert save_if_wanted(trace, Settings(trace=False), environ) is None
    assert not (tmp_path / "state").exists()
    assert save_if_wanted(trace, Settings(), environ) is None
    assert ids(trace_directory(environ)) == [trace.id]


def test_two_processes_can_write_at_once(trace: Trace, tmp_path: Path) -> None:
    """Lines of several processes never mix: each of them comes back whole."""
    template = tmp_path / "template.jsonl"
    append(trace, template)
    script = (
        "import sys; from pathlib import Path; from dataclasses import replace; from datetime import datetime, UTC\n"
        "from marco_cli.trace.store import append, find, load; from marco_cli.trace.record import new_id\n"
        "trace = load(find(Path(sys.argv[1]), 'last', print))\n"
        "for _ in range(40): append(replace(trace, id=new_id(datetime.now(UTC))), Path(sys.argv[2]))\n"
    )
    file = tmp_path / "shared.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", script, template, file]) for _ in range(2)]

    assert [writer.wait(PATIENCE) for writer in writers] == [0, 0]
    assert len(ids(file)) == 80


def test_a_lock_that_nobody_lets_go_is_an_error(tmp_path: Path, trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adding a trace to a file that another run holds ends after a while, and the file is as it was."""
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr("marco_cli.trace.store.PATIENCE", 0.1)
    path = tmp_path / "file.jsonl"
    with path.open("wb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(StorageError, match="another run"):
            append(trace, path)
    assert path.read_bytes() == b""


def test_reading_traces_loads_no_search_and_no_templates() -> None:
    """A list of traces needs values only: no strategy, no model, no chat template is imported for it."""
    unwanted = ("jinja2", "llama_cpp", "marco_cli.solver", "marco_cli.prompt.template", "marco_cli.engine.batched",
                "marco_cli.search.solve", "marco_cli.search.run", "marco_cli.models", "marco_cli.batch")  # fmt: skip
    code = f"import sys, marco_cli.trace.store; print([name for name in {unwanted} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "[]\n"
