"""Files that are put in place as a whole."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from marco_cli.draft import make_draft, remove_drafts, replacing


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """Have the usual umask."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def put(path: Path, data: bytes, **more: int) -> None:
    """Put a file in place."""
    with replacing(path, **more) as file:
        file.write(data)


def names(folder: Path) -> list[str]:
    """Return what a folder holds."""
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_changes_in_one_step(tmp_path: Path) -> None:
    """Until all is written the old file is there, then the new one, and nothing is beside it."""
    path = tmp_path / "a"
    put(path, b"old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"

    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


def test_what_goes_wrong_changes_nothing(tmp_path: Path) -> None:
    """An error while it is written leaves the old file and no litter."""
    path = tmp_path / "a"
    put(path, b"old")

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"new")
            raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        fail()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_no_other_file_is_touched(tmp_path: Path) -> None:
    """The draft has a name of its own: files of others stay, whatever they are called, and two writers do not meet."""
    path = tmp_path / "a"
    others = [tmp_path / name for name in ("a.new", "a.part", ".a.part", "a~", "a.tmp")]
    for other in others:
        other.write_bytes(b"mine")
    with replacing(path) as first:
        put(path, b"second")
        first.write(b"first")

    assert path.read_bytes() == b"first"
    assert all(other.read_bytes() == b"mine" for other in others)
    assert len(names(tmp_path)) == len(others) + 1


@pytest.mark.parametrize("before", [0o600, 0o644, 0o666, 0o640])
def test_a_file_stays_as_private_as_it_was(tmp_path: Path, before: int) -> None:
    """The new file has the mode of the old one, whatever the umask, and so has the draft from its first byte on."""
    path = tmp_path / "a"
    path.touch()
    path.chmod(before)
    with replacing(path) as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == before

    assert mode(path) == before


def test_a_new_file_is_as_the_umask_says(tmp_path: Path) -> None:
    """Where there was none, others may read it as any file that is made, or not, where that is asked for."""
    put(tmp_path / "open", b"")
    put(tmp_path / "private", b"", mode=0o600)

    assert (mode(tmp_path / "open"), mode(tmp_path / "private")) == (0o644, 0o600)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it points to is replaced, where that is, also when it is not there yet."""
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to("far/a")
    for data in (b"one", b"two"):
        put(tmp_path / "link", data)
        assert (tmp_path / "far" / "a").read_bytes() == data

    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path / "far") == ["a"]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_not_replaced(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """A directory, a pipe and a device stay what they are."""
    make(tmp_path / "a")
    before = (tmp_path / "a").stat()

    with pytest.raises(OSError, match="not a regular file"):
        put(tmp_path / "a", b"")
    assert (tmp_path / "a").stat() == before
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("name", ["a" * 255, "文" * 85])
def test_the_longest_name_can_be_replaced(tmp_path: Path, name: str) -> None:
    """A name may be as long as the file system has it: the draft's is shorter then."""
    for data in (b"one", b"two"):
        put(tmp_path / name, data)

    assert (tmp_path / name).read_bytes() == b"two"


def test_what_a_kill_left_is_found_again_and_nothing_else(tmp_path: Path) -> None:
    """Drafts of one file are removed; those of others, and files that look alike, stay."""
    for path in (tmp_path / "a", tmp_path / "a.b"):
        os.close(make_draft(path)[0])
    (tmp_path / ".a.mine.part").touch()
    remove_drafts(tmp_path / "a")
    left = names(tmp_path)

    assert len(left) == 2
    assert left[0].startswith(".a.b.")
    assert left[1] == ".a.mine.part"
    remove_drafts(tmp_path / "nowhere" / "a")
