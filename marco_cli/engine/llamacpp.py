"""The llama.cpp backend: one model, and the KV memory that suits it.

On a CPU the memory is divided into streams (`streams`); on a GPU, and for models with sliding windows, it is one (`unified`).
Everything above (batching, prefixes, sampling) lives in the scheduler; here is how a model is opened. llama.cpp is spoken to
through its low-level C API alone, and in three modules: `llama_library` is the library as a whole, `llama_weights` a model's
file and vocabulary, and `llama_context` what computes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine import defaults, llama_library, tiles
from marco_cli.engine.backend import Row
from marco_cli.engine.batched import BatchedEngine
from marco_cli.engine.fillers import Fillers
from marco_cli.engine.head import NUM_LABELS, Head
from marco_cli.engine.interrupts import kept_signals
from marco_cli.engine.llama_context import Context, ContextShape, Interrupt
from marco_cli.engine.llama_weights import Weights
from marco_cli.engine.pace import Pace
from marco_cli.engine.saved_stream import SavedStream
from marco_cli.engine.stream_store import stream_cells
from marco_cli.engine.streams import Streams
from marco_cli.engine.unified import Shadows, Unified
from marco_cli.errors import ConfigError, DecodeError, EngineError

DEFAULT_MAX_NUM_SEQS = defaults.MAX_NUM_SEQS

NUM_SEQUENCES = 256
"""Sequence ids: as many as llama.cpp takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaOptions:
    """How to load a model; None lets the engine choose."""

    cells: int | None = None
    """KV cells for all requests together (`--ctx`)."""
    max_num_seqs: int | None = None
    """Requests decoded together."""
    threads: int | None = None
    """Default: the physical cores; one for models below `defaults.SMALL_MODEL`."""
    gpu_layers: int | None = None
    """-1 = all, which is the default; none without a GPU that llama.cpp was built for."""
    batch: int | None = None
    """Rows of one decode call. Default: `defaults.CPU_BATCH`, or `defaults.GPU_BATCH` with layers on a GPU."""

    def __post_init__(self) -> None:
        """Refuse sizes that cannot work."""
        for name, value, least, most in (
            ("ctx", self.cells, 16, 100_000_000),
            ("parallel", self.max_num_seqs, 1, None),
            ("threads", self.threads, 1, 512),
            ("gpu_layers", self.gpu_layers, -1, 100_000),
            ("batch", self.batch, 8, 65_536),
        ):
            if value is not None and value < least:
                raise ConfigError(f"{name} is {value}, expected {least} or more")
            if value is not None and most is not None and value > most:  # llama.cpp takes 32 bits and counts on from 0
                raise ConfigError(f"{name} is {value}, expected {most} or less")


def open_engine(
    path: Path, options: LlamaOptions | None = None, *, name: str | None = None, head: Head | None = None
) -> BatchedEngine:
    """Load a GGUF file.

    One request may have as many tokens as there are cells, but no more than the model was trained on; cells beyond that are
    for requests side by side. A model with a head answers with its labels alone: see `HEAD_PROBES`.

    Raises:
        EngineError: it is not a usable model, or there is not enough memory; the message ends with llama.cpp's own words.
        ConfigError: more requests at once than sequences.
    """
    options = options or LlamaOptions()
    model = None
    try:
        with kept_signals() as is_interrupted:
            model = LlamaModel(path, options, name=name, head=head, is_interrupted=is_interrupted)
    except BaseException:
        if model is not None:  # a signal came at the last moment
            model.close()
        raise
    max_num_seqs = options.max_num_seqs or min(DEFAULT_MAX_NUM_SEQS, model.num_sequences)
    if max_num_seqs > model.num_sequences:
        model.close()
        raise ConfigError(
            f"--parallel {max_num_seqs} is more than the {model.num_sequences} sequences that llama.cpp can run of this model"
        )
    return BatchedEngine(
        model,
        max_num_seqs=max_num_seqs,
        context_size=min(model.num_cells, model.info.train_context),
        num_idle_cells=model.num_idle_cells(),
        sampling_threads=model.num_threads,
    )


class LlamaModel:
    """A `Model` on llama.cpp."""

    def __init__(
        self,
        path: Path,
        options: LlamaOptions,
        *,
        name: str | None = None,
        head: Head | None = None,
        is_interrupted: Callable[[], bool] | None = None,
    ) -> None:
        llama_library.clear_log()
        llama_library.begin()
        gpu = llama_library.can_offload()
        layers = (-1 if options.gpu_layers is None else options.gpu_layers) if gpu else 0
        self._weights = Weights(path, gpu_layers=layers, is_interrupted=is_interrupted)
        self._head = head
        self._interrupt = Interrupt()
        self._close_context: Callable[[], None] | None = None
        try:
            if head is not None:
                self._weights.refuse_head(head.width)
            self._choose(options, layers)
            self.memory = self._open_memory(min(options.max_num_seqs or DEFAULT_MAX_NUM_SEQS, NUM_SEQUENCES))
        except BaseException:
            self.close()
            raise
        self.copy = self.memory.copy
        self.remove = self.memory.remove
        self.width = self.memory.width
        self.num_vocab = self._weights.num_vocab
        self.piece = self._weights.piece
        self.spelling = self._weights.spelling
        self.is_end = self._weights.is_end
        self.info = self._weights.describe(
            name=name,
            settings=(
                ("threads", str(self.num_threads)),
                ("gpu layers", "all" if layers < 0 else str(layers)),
                ("context", f"{self.num_cells} cells"),
                ("batch", str(self.max_rows)),
            ),
        )
        llama_library.clear_log()

    def _choose(self, options: LlamaOptions, layers: int) -> None:
        """Choose the sizes for these weights, of which so many layers are to lie on a GPU."""
        weights = self._weights
        self.num_cells: int = options.cells or defaults.num_cells(
            weights.train_context,
            weights.cell_bytes,
            gpu_share=weights.gpu_share,
            gpu_memory=llama_library.free_gpu_memory() if layers else None,
        )
        self._on_cpu = layers == 0
        self._is_small = weights.num_parameters < defaults.SMALL_MODEL
        file_type = weights.stated("general.file_type")
        self._fillers = Fillers(
            pairs=self._on_cpu and file_type in defaults.UNQUANTISED,
            blocks=self._on_cpu and not self._is_small and file_type in defaults.BLOCKED,
        )
        rows = options.batch or (defaults.CPU_BATCH if self._on_cpu else defaults.GPU_BATCH)
        # A filler that completes a pair takes a row of the call.
        self.max_rows: int = min(rows, self.num_cells) - int(self._fillers.pairs)
        self.num_threads: int = options.threads or defaults.num_threads(weights.num_parameters)
        # A number that the user has said stays.
        self._pace = Pace(self.num_threads) if options.threads is None and self.num_threads > 1 else None

    def _open_memory(self, max_num_seqs: int) -> Streams | Unified:
        """Open llama.cpp's context, in streams where that can be done."""
        if self._on_cpu and not self._weights.window:
            memory = _Divided(self._open_divided, max_num_seqs)
            self._close_context = memory.close
            if memory.is_plain:
                # Sequences cost nothing here: what they hold is in streams, or swapped out.
                self.num_sequences = NUM_SEQUENCES
                return Streams(
                    memory,
                    num_cells=self.num_cells,
                    max_num_seqs=max_num_seqs,
                    num_vocab=self._weights.num_vocab if self._head is None else NUM_LABELS,
                    fillers=self._fillers,
                )
            memory.close()
        return self._open_unified()

    def _open_divided(self, num_streams: int) -> Context:
        shape = ContextShape(
            num_cells=stream_cells(self.num_cells, num_streams) * num_streams,
            num_sequences=num_streams,
            num_threads=self.num_threads,
            max_rows=self.max_rows + self._fillers.most,
            is_unified=False,
            has_flash=False,
        )
        return Context(self._weights, self._interrupt, shape, pace=self._pace, head=self._head, hint=self._hint)

    def _open_unified(self) -> Unified:
        is_tiled = self._on_cpu and not self._is_small
        shadows = Shadows(min(NUM_SEQUENCES, self.num_cells), has_window=bool(self._weights.window))
        spare = tiles.TILE - 1 if is_tiled else self._fillers.most
        shape = ContextShape(
            num_cells=self.num_cells + spare,
            num_sequences=shadows.num_ids,
            num_threads=self.num_threads,
            max_rows=self.max_rows + spare,
            is_unified=True,
            has_flash=False if self._on_cpu and self._is_small else None,
        )
        context = Context(self._weights, self._interrupt, shape, head=self._head, hint=self._hint)
        self._close_context = context.close
        self.num_cells = min(self.num_cells, context.num_cells - spare)
        self.num_sequences = shadows.num_sequences - (spare > 0)  # the last one is for fillers
        row_cost = tiles.row_cost(self._weights.num_parameters, self._weights.attention_width) if is_tiled else None
        return Unified(context, shadows, self._fillers, row_cost=row_cost)

    @property
    def _hint(self) -> str:
        fewer_layers = "" if self._on_cpu else "fewer --gpu-layers, "
        return f"use a smaller --ctx, {fewer_layers}or a smaller quantisation of the model"

    @property
    def is_crowded(self) -> bool:
        """Whether idle prefixes take more memory than they may."""
        return self.memory.is_crowded

    def decode(self, rows: Sequence[Row]) -> NDArray[np.float32] | None:
        """See `Backend.decode`."""
        self._interrupt.clear()  # one that came when nothing ran is not meant for this call
        return self.memory.decode(rows)

    def tokenize(self, text: str, *, special: bool) -> tuple[int, ...]:
        """Return the ids of a text; only with `special` do control tokens written in it count as such."""
        return self._weights.tokenize(text, special=special)

    def num_idle_cells(self) -> int | None:
        """Return how many cells prefixes may keep that no running request sees; None where they make no token dearer."""
        if isinstance(self.memory, Streams):
            return None
        return defaults.num_idle_cells(self._weights.num_parameters, self._weights.attention_width)

    def interrupt(self) -> None:
        """Make a decode call that is under way stop."""
        self._interrupt.set()

    def close(self) -> None:
        """Free context and model; closing twice is harmless."""
        if self._close_context is not None:
            self._close_context()
            self._close_context = None
        self._weights.close()


class _Divided:
    """A `Store` on llama.cpp: a context in streams, which is made anew for another number of them."""

    def __init__(self, opened: Callable[[int], Context], num_streams: int) -> None:
        self._opened = opened
        self._context = opened(num_streams)

    @property
    def is_plain(self) -> bool:
        """Whether streams can be saved and loaded."""
        return self._context.is_plain

    @property
    def num_streams(self) -> int:
        """See `Store`."""
        return self._context.num_sequences

    @property
    def stream_cells(self) -> int:
        """See `Store`."""
        return self._context.stream_cells

    def reshape(self, num_streams: int) -> None:
        """See `Store`."""
        before = self.num_streams
        self._context.close()
        try:
            self._context = self._opened(num_streams)
        except EngineError as error:
            self._context = self._opened(before)  # what was swapped out can still go on there, if it is not longer
            raise DecodeError(error.message) from error

    def evaluate(self, rows: Sequence[Row]) -> NDArray[np.float32] | None:
        """See `Store`."""
        return self._context.evaluate(rows)

    def cut(self, stream: int, length: int) -> None:
        """See `Store`."""
        self._context.remove(stream, length)

    def save(self, stream: int) -> SavedStream:
        """See `Store`."""
        return self._context.save(stream)

    def load(self, state: SavedStream, stream: int) -> None:
        """See `Store`."""
        self._context.load(state, stream)

    def close(self) -> None:
        """Free the memory."""
        self._context.close()
