"""What the pages for developers say is true: paths, commands and examples."""

import asyncio
import gc
import importlib
import json
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from commands.program import Marco
from search.scripts import SUM, find
from traced import traced

from marco_cli.commands._completion import completer_of
from marco_cli.config.preset import load_preset
from marco_cli.config.settings import Settings
from marco_cli.diagnosis.case import Case, Terminal
from marco_cli.diagnosis.checks import Check, diagnose
from marco_cli.engine.base import Request
from marco_cli.engine.batched import BatchedEngine
from marco_cli.errors import ConfigError
from marco_cli.evals.base import Selection
from marco_cli.evals.selection import load_items
from marco_cli.plan import search_plan
from marco_cli.search import STRATEGIES
from marco_cli.search.base import Earlier

ROOT = Path(__file__).parents[2]
PAGES = ("CONTRIBUTING.md", "docs/architecture.md")
PACKAGE = ROOT / "marco_cli"
EXAMPLE = re.compile(r"<!-- (module|line|preset): (\S+) -->\n```\w+\n(.*?)```", re.DOTALL)


def text_of(page: str) -> str:
    """Return a page with its escaped underscores as they are shown."""
    return (ROOT / page).read_text(encoding="utf-8").replace(r"\_", "_")


def examples() -> dict[tuple[str, str], str]:
    """Return the worked examples by what they are and where they belong."""
    return {(kind, place): code for kind, place, code in EXAMPLE.findall(text_of("docs/architecture.md"))}


def paths_in(text: str) -> set[str]:
    """Return what looks like a path of the repository."""
    roots = "marco_cli|tests|docs|benchmarks|training|presets|scripts|[.]github|[.]ci"
    found = set(re.findall(rf"(?<![\w./-])(?:{roots})/[\w./-]*", text))
    return {path.rstrip(".") for path in found} | set(re.findall(r"\]\(([^)#:]+)[)#]", text))


@pytest.mark.parametrize("page", PAGES)
def test_every_path_exists(page: str) -> None:
    """A reader who goes to a file that a page names finds it; those of examples are yet to be written."""
    invented = {place for kind, place in examples() if kind != "line"}
    text = EXAMPLE.sub("", text_of(page))
    missing = {
        path
        for path in paths_in(text) - invented
        if not (ROOT / path).exists() and not (ROOT / page).parent.joinpath(path).exists()
    }

    assert len(paths_in(text)) >= 10
    assert not missing
    assert not {place for kind, place in examples() if kind == "module" and (ROOT / place).exists()}


def names_in(text: str) -> set[tuple[str, str]]:
    """Return files with the names that the text says are in them: `path (`name`, …)`."""
    return {
        (path, name)
        for path, names in re.findall(r"(marco_cli/[\w/]+\.py) \(((?:`[\w.]+`(?:, (?:…)?)?)+)\)", text)
        for name in re.findall(r"`([\w.]+)`", names)
    }


def test_every_name_is_in_its_file() -> None:
    """A function or class that the page puts into a file is defined there."""
    found = names_in(text_of("docs/architecture.md").replace(":", ""))

    assert len(found) >= 10
    for path, name in found:
        source = (ROOT / path).read_text(encoding="utf-8")
        last = name.rpartition(".")[2]
        assert re.search(rf"(?:def |class |^|\n){last}\b", source), f"{name} is not in {path}"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_known(page: str, marco: Marco) -> None:
    """`marco COMMAND` with these words has a help text, and the options are in it."""
    said = set(re.findall(r"(?:`|^)marco ((?:[a-z]|-)[^`\n]*)", text_of(page), re.MULTILINE))
    assert said or page == "CONTRIBUTING.md"
    for line in said:
        words = shlex.split(line.partition("  ")[0])
        commands = [word for word in words[:2] if re.fullmatch("[a-z0-9]+", word)]
        run = marco(*commands, "--help")
        assert run.code == 0, line
        assert all(option in run.out for option in words if option.startswith("--")), line


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """Return the modules of the examples by name, imported from the page, with their lines in the tables."""
    modules: dict[str, ModuleType] = {}
    for (kind, place), code in examples().items():
        if kind == "module":
            name = place.removesuffix(".py").replace("/", ".")
            modules[name.rpartition(".")[2]] = module = ModuleType(name)
            monkeypatch.setitem(sys.modules, name, module)
            exec(compile(code, place, "exec"), module.__dict__)  # noqa: S102 (the page is this project's own)
    for (kind, place), code in examples().items():
        table_module, _, table = place.rpartition(".")
        if kind == "line" and table != "CHECKS":
            entries = importlib.import_module(table_module)
            (underneath,) = gc.get_referents(getattr(entries, table))  # the dictionary behind the read-only view
            for key, value in evaluated("{" + code + "}", entries.__dict__).items():
                monkeypatch.setitem(underneath, key, value)
    return modules


def evaluated(code: str, names: dict[str, Any]) -> Any:
    """Return what an expression of the page comes to."""
    return eval(code, dict(names))  # noqa: S307 (the page is this project's own)


@pytest.mark.usefixtures("built")
def test_the_strategy_of_the_page_gives_the_shortest_reply() -> None:
    """One file and one line, and a search runs with it, the same for the same seed, whatever runs at once."""
    for parallel in (1, 3):
        results = [find(SUM, strategy="shortest", simulations=6, parallel=parallel, seed=seed) for seed in (1, 1)]
        lengths = [len(each.reply.tokens) for each in results[0].candidates]

        assert results[0].num_simulations == len(lengths) == 6
        assert len(set(lengths)) > 1
        assert len(results[0].reply.tokens) == min(lengths)
        assert results[0].stop_reason == "simulations"
        assert [[each.reply.data for each in result.candidates] for result in results[:1]] == [
            [each.reply.data for each in result.candidates] for result in results[1:]
        ]


@pytest.mark.weights
@pytest.mark.usefixtures("built", "nano_gguf")
def test_every_command_takes_the_strategy_of_the_page(marco: Marco, tmp_path: Path) -> None:
    """The file and the line are all: help, completion, settings, questions, chats, batches, evaluations and traces know it."""
    wanted = ("--model", "marco-nano", "--strategy", "shortest", "--simulations", "2")
    rows, preset = tmp_path / "rows.jsonl", tmp_path / "short.yaml"
    rows.write_text('{"id": 1, "question": "What is 2 + 3?"}\n', encoding="utf-8")
    preset.write_text("description: Short.\nstrategy: shortest\n", encoding="utf-8")

    assert "shortest" in marco("ask", "--help-all").out
    completer = completer_of("strategy")
    assert completer is not None
    assert completer("sh") == ["shortest"]
    assert marco("presets", "validate", preset).code == 0
    assert marco("config", "set", "strategy", "shortest").code == 0
    assert marco("config", "get", "strategy").out == "shortest\n"
    assert marco("config", "unset", "strategy").code == 0

    asked = json.loads(marco("ask", "What is 2 + 3?", *wanted, "--json").out)
    assert (asked["accounting"]["strategy"], asked["accounting"]["simulations"]) == ("shortest", 2)
    answered = json.loads(marco("batch", rows, *wanted).out)
    assert (answered["strategy"], answered["search"]["simulations"]) == ("shortest", 2)
    talked = marco("chat", "--model", "marco-nano", stdin=b"/strategy shortest\nWhat is 2 + 3?\n")
    assert talked.code == 0
    assert "shortest" in talked.err

    measured = marco("eval", "nano", "--limit", "1", "--strategy", "shortest@2", "--model", "marco-nano", "--json")
    assert [row["label"] for row in json.loads(measured.out)["variants"]] == ["shortest@2"]

    trace = asked["trace"]
    for command in (("list",), ("show", trace), ("rescore", trace), ("export", trace, "-o", tmp_path / "page.html")):
        assert marco("traces", *command).code == 0, command
    refused = marco("traces", "continue", trace)
    assert refused.code == 2
    assert "a search with shortest cannot go on" in refused.err


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_table_says_what_is_true_of_a_strategy(name: str) -> None:
    """Facts that commands read off the line are those of a search with it."""
    entry = STRATEGIES[name]
    one, other = (find(SUM, strategy=name, simulations=6, parallel=1, certainty=1.0, seed=seed) for seed in (0, 1))
    replies = [candidate.reply.tokens.ids.tolist() for candidate in one.candidates]

    assert (one.tree is not None) is entry.has_tree
    assert (one.max_simulations is None) is entry.is_chain
    assert not entry.is_chain or len(replies) == 1
    assert not entry.is_greedy or replies == [each.reply.tokens.ids.tolist() for each in other.candidates]
    assert not entry.is_independent or all(each.fresh == 1 for each in one.candidates)
    if not entry.is_resumable:
        earlier = Earlier(tree=one.tree, candidates=one.candidates, num_simulations=one.num_simulations)
        with pytest.raises(ConfigError, match=f"{name} cannot go on"):
            find(SUM, strategy=name, settings={"earlier": earlier})


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_by_another_name_is_answered_alike(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No code asks for a name: the same line under a name that nothing knows makes the same plan and the same search."""
    (underneath,) = gc.get_referents(STRATEGIES)
    monkeypatch.setitem(underneath, "mine", STRATEGIES[name])
    one, other = (traced(SUM, strategy=strategy, simulations=5, temperature=None) for strategy in (name, "mine"))
    plans = [search_plan(Settings(strategy=strategy)) for strategy in (name, "mine")]

    assert replace(plans[1].config, strategy=name) == plans[0].config
    assert [plan.is_chain for plan in plans] == [STRATEGIES[name].is_chain] * 2
    assert [each.reply.data for each in other.candidates] == [each.reply.data for each in one.candidates]
    assert [vote.weight for vote in other.votes] == [vote.weight for vote in one.votes]
    assert other.result.max_simulations == one.result.max_simulations


@pytest.mark.usefixtures("built")
def test_the_vote_and_the_reward_of_the_page_work_with_every_strategy() -> None:
    """Both are chosen by name."""
    for strategy in STRATEGIES:
        result = find(SUM, strategy=strategy, simulations=4, reward="brevity", vote="terse")

        assert result.answer is not None
        assert all(0 < each.reward <= 1 for each in result.candidates)
        assert sum(vote.weight for vote in result.votes) == pytest.approx(1)


@pytest.mark.usefixtures("built")
def test_the_data_set_of_the_page_loads() -> None:
    """Limits are applied to it."""
    found = load_items("sums", Selection(limit=5))

    assert len(found.items) == 5
    assert all(str(sum(map(int, item.id.split("-")[1:]))) == item.target for item in found.items)


def test_the_preset_of_the_page_is_valid(tmp_path: Path, marco: Marco) -> None:
    """`marco presets validate` takes it, and it says what the preset that it extends says."""
    ((place, text),) = [(place, code) for (kind, place), code in examples().items() if kind == "preset"]
    path = tmp_path / Path(place).name
    path.write_text(text, encoding="utf-8")

    assert marco("presets", "validate", str(path)).code == 0
    assert {"tags", "max_thought_tokens"} <= {entry.key for entry in load_preset(str(path)).entries}


def test_the_engine_of_the_page_answers(built: dict[str, ModuleType]) -> None:
    """Batching, prefix cache and sampling come with `BatchedEngine`."""
    (called,) = re.findall(r"`(BatchedEngine\(BigramModel.*?\))` answers", text_of("docs/architecture.md"))
    engine = evaluated(called, {"BatchedEngine": BatchedEngine, "BigramModel": built["bigram"].BigramModel})

    async def ask() -> list[str]:
        requests = [Request(prompt_ids=engine.tokenize(text), max_tokens=8) for text in ("2+2=", "1+3=", "2")]
        completions = await asyncio.gather(*(engine.generate(request) for request in requests))
        await engine.close()
        return [completion.text for completion in completions]

    assert asyncio.run(ask()) == ["4", "4", ""]


def test_the_check_of_the_page_finds_something(built: dict[str, ModuleType]) -> None:
    """A check is a function and a line."""
    ((_, line),) = [(place, code) for (kind, place), code in examples().items() if place.endswith(".CHECKS")]
    check = evaluated(line, {"Check": Check, "scratch": built["scratch"]})
    terminal = Terminal(stdout_is_tty=False, stderr_is_tty=False, is_coloured=False, encoding="utf-8", columns=80)
    (finding,) = diagnose(Case(flags={}, environ={}, config=None, terminal=terminal), (check,))

    assert finding.name == "scratch"
    assert finding.status in ("ok", "warn")
