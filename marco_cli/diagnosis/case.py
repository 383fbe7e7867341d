"""What is examined: the surroundings as they were given, and what follows from them, found out on first use.

The checks share one `Case`, so configuration and model are read once; the code that opened it closes it.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from marco_cli.config.layers import Resolved, resolve
from marco_cli.config.settings import Settings
from marco_cli.engine.backend import Model
from marco_cli.models import LocatedModel
from marco_cli.models.admission import admit
from marco_cli.models.choice import choose_model, implied_preset
from marco_cli.models.gguf_header import Header, read
from marco_cli.models.memory import refuse_excess

if TYPE_CHECKING:
    from marco_cli.diagnosis.throughput import Throughput

LEAST_CELLS = 512
"""KV cells that the self-test needs, whatever the context is set to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """What the two streams are connected to."""

    stdout_is_tty: bool
    stderr_is_tty: bool
    is_coloured: bool
    encoding: str
    columns: int


class Case:
    """One installation, with the flags that were typed."""

    def __init__(
        self, *, flags: Mapping[str, object], environ: Mapping[str, str], config: str | None, terminal: Terminal
    ) -> None:
        self.environ = environ
        self.config = config
        self.terminal = terminal
        self.load_seconds = 0.0
        self._flags = flags

    @cached_property
    def stated(self) -> Resolved:
        """What flags, environment and configuration file say, whatever the model is."""
        return resolve(flags=self._flags, env=self.environ, config=self.config)

    @cached_property
    def located(self) -> LocatedModel:
        """The model that a question would go to."""
        return choose_model(self.stated.settings.model, self.environ)

    @cached_property
    def header(self) -> Header:
        """What the model's file says."""
        return read(self.located.path)

    @cached_property
    def preset(self) -> str:
        """The preset that goes with the model."""
        return implied_preset(self.located)

    @cached_property
    def settings(self) -> Settings:
        """The settings in effect."""
        return resolve(
            flags=self._flags, env=self.environ, config=self.config, implied_preset=lambda _: self.preset
        ).settings

    @cached_property
    def model(self) -> Model:
        """The model, loaded as the settings say."""
        from marco_cli.engine.llamacpp import LlamaModel, LlamaOptions  # noqa: PLC0415 (may be what is broken)

        settings = self.settings
        refuse_excess(admit(self.located, self.environ), ctx=settings.ctx, batch=settings.batch)
        options = LlamaOptions(
            cells=None if settings.ctx is None else max(settings.ctx, LEAST_CELLS),
            threads=settings.threads,
            gpu_layers=settings.gpu_layers,
            batch=settings.batch,
        )
        started = time.perf_counter()
        model = LlamaModel(self.located.path, options, name=self.located.name)
        self.load_seconds = time.perf_counter() - started
        return model

    @cached_property
    def throughput(self) -> "Throughput":
        """How fast llama.cpp decodes here, with these settings, whatever the model."""
        from marco_cli.diagnosis.throughput import measure_throughput  # noqa: PLC0415 (brings numpy)
        from marco_cli.engine.llamacpp import LlamaModel, LlamaOptions  # noqa: PLC0415 (may be what is broken)

        settings = self.stated.settings
        options = LlamaOptions(cells=LEAST_CELLS, threads=settings.threads, gpu_layers=settings.gpu_layers)
        return measure_throughput(lambda path: LlamaModel(path, options))

    def close(self) -> None:
        """Free the memory of the model, if it was loaded."""
        model = self.__dict__.pop("model", None)
        if model is not None:
            model.close()
