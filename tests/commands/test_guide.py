"""The README and the pages for users: their commands run as they are written, their links lead somewhere.

What a command needs and a test has not is replaced, and named here: a real model by marco-nano under the real one's name, the hub
by a stand-in on the loopback interface, the browser by `true`, minutes of searching by `SEARCH_TOKENS`. What installs is not run: that compiles for minutes, and
`.ci/run` does it in the README's own words.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from commands.test_models_head import publish
from fake_hub import running
from warm_program import Warm

from marco_cli.models.gguf_header import read

ROOT = Path(__file__).parents[2]
PAGES: Final = (
    "README.md",
    *(
        f"docs/{name}.md"
        for name in ("batch", "chat", "checks", "evaluation", "hardware", "install", "models", "settings")
    ),
    "docs/strategies.md",
    "docs/traces.md",
)
INSTALLING: Final = re.compile(r"^(?:CMAKE\w+=\S+ |CMAKE_ARGS=\"[^\"]*\" +)?(?:uv|pipx|pip|python3 -m venv|git pull)\b")
"""What a command begins with that installs or removes a program."""
REPOSITORIES: Final = {
    "bartowski/Marco-o1-GGUF": ("Marco-o1-Q4_K_M.gguf", "Marco-o1-Q8_0.gguf"),
    "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF": ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",),
    "Qwen/Qwen2.5-0.5B-Instruct-GGUF": ("qwen2.5-0.5b-instruct-q4_k_m.gguf", "qwen2.5-0.5b-instruct-q8_0.gguf"),
}
"""What the stand-in of the hub has; each file is marco-nano."""
FILES: Final = {
    "questions.jsonl": '{"id": "a", "prompt": "What is 12 + 30?"}\n{"id": "b", "question": "What is 20 + 3?"}\n',
    "requests.jsonl": '{"custom_id": "a", "body": {"messages": [{"role": "user", "content": "What is 12 + 30?"}]}}\n',
    "mine.jsonl": '{"question": "What is 12 + 30?", "target": "42"}\n',
    "notes.txt": "Two numbers.\n",
    "tests.py": "assert slugify('A b') == 'a-b'\n",
    "check.sh": "#!/bin/sh\nexit 0\n",
}
"""What the pages take for granted that a reader has."""
SEARCH_TOKENS: Final = 300
"""Budget of a search: enough for several replies of marco-nano."""
PRINTED: Final[Mapping[str, str]] = {
    "cat questions.jsonl | marco batch - -m marco-nano | jq .answer": r'"42"\n"23"\n',
    "seq 3 | sed 's/.*/What is 17 * &?/' | marco batch --text - -m marco-nano | jq -r '[.id, .answer] | @tsv'": (
        r"line-1\t\S+\nline-2\t\S+\nline-3\t\S+\n"
    ),
    "marco batch questions.jsonl --dry-run -m marco-nano": r"rows      2\n[\s\S]*",
    'marco "How many r\'s are in strawberry?"': r"The answer is 3\.\n",
    'echo "What is 12 + 30?" | marco ask': r"The answer is 42\.\n",
    'marco ask --json "What is 12 + 30?" | jq .answer': r'"42"\n',
}
"""What a reader may expect on stdout, as a regular expression, where that is more than an end without an error."""


def text_of(page: str) -> str:
    """Return a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def commands(page: str) -> list[str]:
    """Return the commands of a page in their order, without what is said of them: all of `sh` blocks, `$ ` of others, no scripts."""
    found: list[str] = []
    for language, block in re.findall(r"(?m)^```(sh|console)\n(.*?)^```$", text_of(page), re.DOTALL):
        lines = block.splitlines()
        if lines[0].startswith("#!"):
            continue
        found += lines if language == "sh" else [line[2:] for line in lines if line.startswith("$ ")]
    return [re.split(r"\s{1,}#\s", line, maxsplit=1)[0] for line in found if line]


@pytest.fixture
def home(tmp_path: Path, nano_gguf: Path, warm: Warm) -> Iterator[dict[str, str]]:
    """Yield the environment of a reader: an empty home, the files of the pages, the stand-ins."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    for name in ("qwen.gguf", "prm.gguf"):
        shutil.copyfile(nano_gguf, tmp_path / name)
    publish(tmp_path / "Qwen2.5-Math-PRM-7B", read(nano_gguf).embedding_length or 0)
    presets = tmp_path / ".config" / "marco" / "presets"
    presets.mkdir(parents=True)
    for name, preset in re.findall(r"<!-- preset: (\w+) -->\n```yaml\n(.*?)```", text_of("docs/models.md"), re.DOTALL):
        (presets / f"{name}.yaml").write_text(preset, encoding="utf-8")
    model = nano_gguf.read_bytes()
    with running() as hub:
        hub.repos = {name: dict.fromkeys(files, model) for name, files in REPOSITORIES.items()}
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("MARCO_", "HF_", "XDG_"))}
        yield {
            **kept,
            "HOME": str(tmp_path),
            "MARCO_STATE_DIR": str(tmp_path / "state"),
            "HF_ENDPOINT": hub.url,
            "BROWSER": "true %s",
            "MARCO_MAX_SEARCH_TOKENS": str(SEARCH_TOKENS),
            "MARCO_PROGRAMS": "0",  # the stand-in of every model is marco-nano, which can write none
            "PATH": os.pathsep.join([str(warm.path), str(Path(sys.executable).parent), os.environ["PATH"]]),
        }


def run(line: str, environ: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a line as a reader's shell would, in the home."""
    return subprocess.run(
        ["bash", "-ec", f"set -o pipefail; {line}"],
        cwd=environ["HOME"],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.weights
@pytest.mark.parametrize("page", PAGES)
def test_every_command_runs_as_it_is_written(page: str, home: dict[str, str]) -> None:
    """Each line in turn, in one home: exit code 0, and on stdout what a reader expects."""
    lines = [line for line in commands(page) if not INSTALLING.match(line)]
    if page != "README.md":
        assert run("marco models pull marco-o1:q4_k_m", home).returncode == 0
    for line in lines:
        if "jq" in line and shutil.which("jq") is None:
            continue
        ran = run(line, home)
        assert ran.returncode == 0, f"{line}\n{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}"
        assert re.fullmatch(PRINTED.get(line, r"[\s\S]*"), ran.stdout), f"{line}\n{ran.stdout}"
    assert lines or page == "docs/install.md"


def test_what_is_expected_is_in_a_page() -> None:
    """No expectation outlives its command, and only the pages about installing have commands that are not run."""
    every = {line for page in PAGES for line in commands(page)}
    not_run = {page for page in PAGES if any(INSTALLING.match(line) for line in commands(page))}

    assert set(PRINTED) <= every
    assert not_run == {"README.md", "docs/install.md", "docs/hardware.md"}


def anchors(text: str) -> set[str]:
    """Return what the headings of a page are called in links, as GitHub does it."""
    headings = re.findall(r"(?m)^#+ (.*)$", re.sub(r"(?ms)^```.*?^```$", "", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    """Files exist, and so do the headings that links point to."""
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", text_of(page))
    for path, heading in links:
        place = (ROOT / page).parent / path if path else ROOT / page
        assert place.exists(), path
        assert not heading or heading in anchors(place.read_text(encoding="utf-8")), f"{path}#{heading}"

    assert links


def test_the_readme_is_read_in_three_minutes() -> None:
    """Prose of at most 750 words, at 250 a minute; it leads to every page for users."""
    text = text_of("README.md")
    prose = re.sub(r"(?ms)^```.*?^```$|<!--.*?-->|\]\([^)]*\)", " ", text)

    assert len(prose.split()) <= 750
    assert {f"({page})" for page in PAGES[1:]} <= {f"({link})" for link in re.findall(r"\]\(([^)#]+)\)", text)}


@pytest.mark.parametrize("script", sorted((ROOT / "docs").glob("record_*.py")), ids=lambda path: path.stem)
def test_a_recording_can_be_made(script: Path) -> None:
    """What a script takes from the program is there."""
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
