"""Tree search over the reasoning of Marco-o1 and other GGUF models, offline, on llama.cpp.

What programs may use is in `__all__`; docs/library.md shows how. Each name is imported when it is first asked for, so that
`import marco_cli` costs nothing.
"""

TYPE_CHECKING = False  # as type checkers know it: importing `typing` takes as long as starting Python
if TYPE_CHECKING:
    from marco_cli.answer import equal, extract
    from marco_cli.library import open_solver, solve
    from marco_cli.search.base import SearchResult
    from marco_cli.search.config import SearchConfig
    from marco_cli.trace.record import Trace

__version__ = "0.1.0"

__all__ = ("SearchConfig", "SearchResult", "Trace", "equal", "extract", "open_solver", "solve")

_PLACES = {
    "SearchConfig": "search.config",
    "SearchResult": "search.base",
    "Trace": "trace.record",
    "equal": "answer",
    "extract": "answer",
    "open_solver": "library",
    "solve": "library",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 (see above)

    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
