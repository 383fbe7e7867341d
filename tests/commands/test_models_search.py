"""`marco models search`: the catalogue, and the hub on the loopback interface."""

import json
from collections.abc import Iterator
from functools import partial
from urllib.parse import parse_qs, urlsplit

import fake_hub
import pytest
from commands.program import Marco
from fake_hub import TOKEN, FakeHub, Fault

from marco_cli.errors import ConfigError, NetworkError
from marco_cli.hub import client, finding
from marco_cli.hub.download import Retry
from marco_cli.models import catalog

GGUF = {"a-Q4_K_M.gguf": b"weights"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, marco: Marco) -> Iterator[FakeHub]:
    """Return a hub with a few repositories, which the program may ask."""
    del marco  # its environment first
    with fake_hub.running() as running:
        running.repos |= {
            "anna/Qwen3-4B-GGUF": GGUF,
            "ben/qwen3-tiny": GGUF,
            "ben/qwen3-code-only": {"README.md": b"no weights"},
        }
        running.downloads |= {"anna/Qwen3-4B-GGUF": 12_345, "ben/qwen3-tiny": 7}
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.delenv("HF_HUB_OFFLINE")
        yield running


def test_without_a_name_the_catalogue_is_listed_and_nobody_is_asked(marco: Marco, server: FakeHub) -> None:
    """Every entry with its size, and whether it was tried."""
    run = marco("models", "search")

    assert run.code == 0
    assert [line.split()[0] for line in run.out.splitlines()] == [entry.name for entry in catalog.entries()]
    assert "qwen3-1.7b" in run.out
    assert "1.3 GB  Qwen3 1.7B (not tried)" in run.out
    assert server.requests == []


def test_a_name_is_looked_for_here_and_on_the_hub(marco: Marco, server: FakeHub) -> None:
    """The catalogue first, then repositories with GGUF files, most downloaded first; the last line says how to fetch."""
    run = marco("models", "search", "qwen3")
    lines = run.out.splitlines()

    assert run.code == 0
    assert [line.split()[0] for line in lines][-2:] == ["anna/Qwen3-4B-GGUF", "ben/qwen3-tiny"]
    assert lines[-2].endswith("12 345 downloads")
    assert {line.split()[0] for line in lines[:-2]} == {entry.name for entry in catalog.search("qwen3")}
    assert run.err == "marco: to fetch one: marco models pull qwen3-0.6b\n"
    assert parse_qs(urlsplit(server.requests[0].path).query)["search"] == ["qwen3"]


def test_the_same_for_machines(marco: Marco, server: FakeHub) -> None:
    """`--json` holds both lists."""
    document = json.loads(marco("models", "search", "ben", "--json").out)

    assert document["v"] == 1
    assert document["catalogue"] == []
    assert document["repositories"] == [{"name": "ben/qwen3-tiny", "downloads": 7, "likes": 1}]
    assert document["is_hub_asked"] is True


@pytest.mark.parametrize("how", ["flag", "variable"])
def test_offline_nobody_is_asked(marco: Marco, server: FakeHub, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """The catalogue is searched, and that the hub was not is said."""
    if how == "variable":
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    run = marco("models", "search", "smollm", *(["--offline"] if how == "flag" else []))

    assert run.code == 0
    assert run.out.startswith("smollm3-3b")
    assert "offline: the hub was not asked" in run.err
    assert server.requests == []


def test_nothing_found_is_told(marco: Marco, server: FakeHub) -> None:
    """Exit 4, with the command that lists what there is."""
    run = marco("models", "search", "no-such-model")

    assert (run.code, run.out) == (4, "")
    assert "no model is called anything like 'no-such-model'" in run.err


def test_a_hub_that_cannot_be_reached_leaves_the_catalogue(
    marco: Marco, server: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known here is printed; exit 8 says that the rest is missing."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(client, "Retry", partial(Retry, attempts=1))
    run = marco("models", "search", "qwen3")

    assert run.code == 8
    assert "qwen3-0.6b" in run.out


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_hub_is_asked_again(server: FakeHub, status: int) -> None:
    """As for every other question to it."""
    server.faults.append(Fault(at="api", status=status))
    slept: list[float] = []

    assert len(finding.find("qwen3", retry=Retry(sleep=slept.append))) == 2
    assert len(slept) == 1


@pytest.mark.parametrize(
    "body", [b"<html>log in</html>", b"{}", b'"text"', b"null", b"1" * 10, b"[" * 100_000, b'{"error": "no"}']
)
def test_an_answer_without_form_is_an_error(server: FakeHub, body: bytes) -> None:
    """A captive portal, a broken mirror: a network error, never a crash."""
    server.faults.extend([Fault(at="api", body=body)] * 3)

    with pytest.raises(NetworkError):
        finding.find("qwen3", retry=Retry(attempts=3, sleep=lambda _: None))


def test_names_and_numbers_that_are_none_are_left_out(server: FakeHub) -> None:
    """Paths, control characters and texts in the place of numbers go no further."""
    server.extra_models = [
        {"id": "../../etc/passwd"},
        {"id": "a/b\x1b[31m"},
        {"id": 5},
        "text",
        None,
        {"id": "zoe/qwen3-odd", "downloads": "many", "likes": -1},
    ]
    found = finding.find("qwen3")

    assert [each.name for each in found] == ["anna/Qwen3-4B-GGUF", "ben/qwen3-tiny", "zoe/qwen3-odd"]
    assert (found[-1].downloads, found[-1].likes) == (0, 0)


@pytest.mark.parametrize("words", ["", "  ", "x" * 101])
def test_a_search_has_words(words: str) -> None:
    """Nothing, and too much, is refused before anybody is asked."""
    with pytest.raises(ConfigError):
        finding.find(words)


def test_signs_in_a_name_do_not_change_the_question(marco: Marco, server: FakeHub) -> None:
    """What is typed is one word of the address."""
    marco("models", "search", "a&limit=9999#x", "?search=b")

    query = parse_qs(urlsplit(server.requests[0].path).query)
    assert query["search"] == ["a&limit=9999#x ?search=b"]
    assert query["limit"] == [str(finding.MOST)]


def test_refusals_are_told(server: FakeHub) -> None:
    """A token that is wrong ends the search with what to check."""
    server.faults.append(Fault(at="api", status=401))

    with pytest.raises(NetworkError, match="answered 401"):
        finding.find("qwen3")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("qwen3 4b", {"qwen3-4b-thinking"}),
        ("QWEN3-1.7B", {"qwen3-1.7b"}),
        ("microsoft", {"phi-4-mini-reasoning"}),
        ("deepseek 8b", {"deepseek-r1-qwen3-8b"}),
        ("nothing", set()),
    ],
)
def test_the_catalogue_is_searched_by_words(words: str, names: set[str]) -> None:
    """In any letter case and with any signs between them."""
    assert {entry.name for entry in catalog.search(words)} == names


def test_the_token_is_told_to_nobody_else(marco: Marco, server: FakeHub) -> None:
    """The token goes to the hub, and into no output."""
    run = marco("models", "search", "qwen3")

    assert server.requests[0].authorization == f"Bearer {TOKEN}"
    assert TOKEN not in run.out + run.err
