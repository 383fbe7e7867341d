"""Python without a way out: `pydantic-monty`, an interpreter of a subset of Python that has no files, network or programs.

Its processes stay open between runs, and are started by the first one.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, Final, Literal

from marco_cli.check.limits import Limits
from marco_cli.errors import ConfigError

SYNTAX_ERROR: Final = "SyntaxError"
_PROCESSES: Final = 2
_RECURSION: Final = 900

Listener = Callable[[Literal["stdout", "stderr"], str], None]
"""Hears what is printed."""


def is_installed() -> bool:
    """Say whether the interpreter is here."""
    return find_spec("pydantic_monty") is not None


def swallow(_stream: Literal["stdout", "stderr"], _text: str) -> None:
    """Let nothing that is printed reach anything."""


class Monty:
    """The interpreter, with limits for each run.

    Raises:
        ConfigError: it is not installed; the message says that `what` needs it.
    """

    def __init__(self, limits: Limits, *, what: str) -> None:
        if not is_installed():
            raise ConfigError(f"{what} needs pydantic-monty", hint="pip install pydantic-monty")
        self._limits = limits
        self._pool: Any = None
        self._opening = threading.Lock()
        # Not the interpreter's own asyncio: its threads outlive the pool, and abort a Python that ends before they do.
        self._threads = ThreadPoolExecutor(_PROCESSES, thread_name_prefix="monty")

    async def failure(self, sources: Sequence[str], *, on_print: Listener = swallow) -> str | None:
        """Run sources one after the other in one session; return how they fail, as `Error: message`, None if they do not.

        `on_print` is called in another thread.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, sources, on_print)

    def _run(self, sources: Sequence[str], on_print: Listener) -> str | None:
        import pydantic_monty  # noqa: PLC0415 (dear to import, and few searches need it)

        limits = {
            "max_feed_duration_secs": self._limits.seconds,
            "max_memory": self._limits.memory,
            "max_recursion_depth": _RECURSION,
            "max_total_sleep_secs": self._limits.seconds,
        }
        try:
            with self._open().checkout(limits=limits, os_policy={"sleep": "zero"}) as session:
                for source in sources:
                    session.feed_run(source, print_callback=on_print)
        except pydantic_monty.MontySyntaxError as error:
            return f"{SYNTAX_ERROR}: {error}"
        except pydantic_monty.MontyError as error:
            return str(error) or type(error).__name__
        return None

    def _open(self) -> Any:
        import pydantic_monty  # noqa: PLC0415 (as above)

        with self._opening:
            if self._pool is None:
                self._pool = pydantic_monty.Monty(
                    binary_path=_binary(),
                    min_processes=1,
                    max_processes=_PROCESSES,
                    request_timeout=self._limits.seconds + 5,
                )
                self._pool.__enter__()
            return self._pool

    async def close(self) -> None:
        """End the interpreter's processes; what runs in them ends at its limit."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.__exit__, None, None, None)


def _binary() -> str | None:
    """Return the interpreter's program where it was installed, which need not be where this program was."""
    import importlib.metadata  # noqa: PLC0415 (every plan asks whether the interpreter is here, and few searches need it)

    with suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("pydantic-monty-runtime") or ():
            if file.stem == "monty" and file.suffix in ("", ".exe"):
                return str(file.locate())
    return None
