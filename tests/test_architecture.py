"""The imports point one way, and every big dependency has one door."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "marco_cli"

# From the bottom to the top: a module may import from its own row and from rows before it.
ROWS = (
    ("errors", "nano", "concurrency", "draft", "lock", "engine.waiting"),
    (
        "prompt",
        "sections",
        "answer",
        "jsonl",
        "engine.base",
        "engine.scores",
        "engine.sampling",
        "engine.radix_tree",
        "engine.prefix_cache",
    ),
    ("engine.backend", "engine.job", "engine.llama_library"),
    ("engine.plan", "engine.llama_weights"),
    ("engine.scheduler",),
    ("engine.batched",),
    ("engine",),
    ("check",),
    ("reward",),
    ("search",),
    ("config",),
    ("models", "hub"),
    ("phrasing", "plan", "assessors"),
    ("solver",),
    ("trace",),
    ("batch", "conversation", "diagnosis", "library"),
    ("evals",),
    ("view",),
    ("commands",),
    ("__main__",),
)

# One dependency, one door. llama.cpp's has three leaves, as its C API has: the library, a model's file, and the context
# that computes. Together they are one backend, and nothing outside engine/ sees a pointer of llama.cpp's.
DOORS = {
    "llama_cpp": {"engine.llama_library", "engine.llama_weights", "engine.llama_context"},
    "huggingface_hub": {"hub.client"},
    "yaml": {"config.document"},
    "jinja2": {"prompt.sandbox"},
    "orjson": {"jsonl"},
    "mpmath": {"answer.expression"},
    "sacrebleu": {"evals.translation"},
    "pyarrow": {"evals.source"},
    "markdown_it": {"view.richtext"},
    "pydantic_monty": {"check.monty"},
    "prompt_toolkit": {"commands._chat_prompt"},
    "typer": {"commands"},
    "rich": {"view", "commands"},
}

FORBIDDEN_NAMES = {"utils", "helpers", "common", "types", "managers", "misc"}


def modules() -> Iterator[str]:
    """Yield every module of the package without the package's own name, `engine.base` style."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(module: str) -> set[str]:
    """Return the absolute names that a module imports, anywhere in it."""
    path = PACKAGE.joinpath(*module.split(".")) if module else PACKAGE
    source = path.with_suffix(".py") if module and path.with_suffix(".py").exists() else path / "__init__.py"
    found: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative imports hide where they point"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def is_in(module: str, place: str) -> bool:
    """Say whether a module is `place` or lies under it."""
    return module == place or module.startswith(place + ".")


def row_of(module: str) -> int | None:
    """Return the row of the longest matching entry."""
    matches = [(len(entry), row) for row, entries in enumerate(ROWS) for entry in entries if is_in(module, entry)]
    return max(matches)[1] if matches else None


@pytest.mark.parametrize("module", [m for m in modules() if m])
def test_imports_point_downwards(module: str) -> None:
    """A module imports only from its own row and from rows below, so the core can be tested without the shell."""
    row = row_of(module)

    assert row is not None, f"{module} has no row: say in ROWS where it belongs"
    for name in imports(module):
        target = name.removeprefix("marco_cli.") if name.startswith("marco_cli.") else None
        if target is not None and (other := row_of(target)) is not None:
            assert other <= row, f"{module} imports {target}, which lies above it"


@pytest.mark.parametrize("dependency", DOORS)
def test_each_dependency_has_one_door(dependency: str) -> None:
    """A dependency is imported where its adapter is and nowhere else, so replacing it is a change in one place."""
    users = {module for module in modules() if any(is_in(name, dependency) for name in imports(module))}

    assert users, f"nobody imports {dependency}: drop it"
    assert all(any(is_in(user, door) for door in DOORS[dependency]) for user in users), users


def test_file_names_are_nouns_of_the_field() -> None:
    """No module is called after its lack of a subject."""
    assert not {module.rpartition(".")[2] for module in modules()} & FORBIDDEN_NAMES


def test_search_sees_no_backend() -> None:
    """Strategies know the Engine protocol; which engine runs them is the caller's choice."""
    for module in modules():
        if is_in(module, "search") or is_in(module, "reward"):
            seen = {name for name in imports(module) if is_in(name, "marco_cli.engine")}
            assert all(is_in(name, "marco_cli.engine.base") for name in seen if name != "marco_cli.engine"), module


def test_a_question_needs_no_batch() -> None:
    """What `marco ask` imports, at once or later, is nothing of what many questions need."""
    known, needed, waiting = set(modules()), set[str](), ["commands.ask"]
    while waiting:
        module = waiting.pop()
        if module not in needed:
            needed.add(module)
            waiting += known & {name.removeprefix("marco_cli.") for name in imports(module)}

    assert {"solver", "search.run", "view.report"} <= needed
    assert not {module for module in needed if is_in(module, "batch") or is_in(module, "evals")}
