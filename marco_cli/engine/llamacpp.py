"""The llama.cpp backend: one model, one context with a unified KV memory, as many sequence ids as llama.cpp allows.

Everything above (batching, prefixes, sampling) lives in the scheduler; here is how a model is opened, and one decode call.
llama.cpp is spoken to through its low-level C API alone, and in three modules: `llama_library` is the library as a
whole, `llama_weights` a model's file and vocabulary, and this one the context that computes.
"""

import ctypes
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import llama_cpp as llama
import numpy as np
from numpy.typing import NDArray

from marco_cli.engine import defaults, llama_library, tiles
from marco_cli.engine.backend import Row
from marco_cli.engine.batched import BatchedEngine
from marco_cli.engine.interrupts import kept_signals
from marco_cli.engine.llama_weights import Weights
from marco_cli.errors import ConfigError, DecodeError, EngineError

DEFAULT_PLACES = defaults.PLACES

_INTERRUPTED = 2
_STRLEN = ctypes.CDLL("msvcrt" if os.name == "nt" else None).strlen


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaOptions:
    """How to load a model; None lets the engine choose."""

    cells: int | None = None
    """KV cells for all requests together (`--ctx`)."""
    places: int | None = None
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
            ("parallel", self.places, 1, None),
            ("threads", self.threads, 1, 512),
            ("gpu_layers", self.gpu_layers, -1, 100_000),
            ("batch", self.batch, 8, 65_536),
        ):
            if value is not None and value < least:
                raise ConfigError(f"{name} is {value}, expected {least} or more")
            if value is not None and most is not None and value > most:  # llama.cpp takes 32 bits and counts on from 0
                raise ConfigError(f"{name} is {value}, expected {most} or less")


def open_engine(path: Path, options: LlamaOptions | None = None, *, name: str | None = None) -> BatchedEngine:
    """Load a GGUF file.

    One request may have as many tokens as there are cells, but no more than the model was trained on; cells beyond that are
    for requests side by side.

    Raises:
        EngineError: it is no usable model, or there is not enough memory; the message ends with llama.cpp's own words.
        ConfigError: more places than sequences.

    """
    options = options or LlamaOptions()
    model = None
    try:
        with kept_signals() as is_interrupted:
            model = LlamaModel(path, options, name=name, is_interrupted=is_interrupted)
    except BaseException:
        if model is not None:  # a signal came at the last moment
            model.close()
        raise
    places = options.places or min(DEFAULT_PLACES, model.num_sequences)
    if places > model.num_sequences:
        model.close()
        raise ConfigError(
            f"--parallel {places} is more than the {model.num_sequences} sequences that llama.cpp can run of this model"
        )
    return BatchedEngine(
        model,
        places=places,
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
        is_interrupted: Callable[[], bool] | None = None,
    ) -> None:
        llama_library.forget_log()
        llama_library.begin()
        gpu = llama_library.can_offload()
        layers = (-1 if options.gpu_layers is None else options.gpu_layers) if gpu else 0
        self._weights = Weights(path, gpu_layers=layers, is_interrupted=is_interrupted)
        self._context: object | None = None
        self._interrupt_text = ctypes.create_string_buffer(b"", 2)
        try:
            self._choose(options, layers)
            self._context = self._open_context()
            self._memory = self._own_memory(path)
        except BaseException:
            self.close()
            raise
        self._batch = _Batch(self.max_rows + self._spare, self._num_ids)
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
        llama_library.forget_log()

    def _choose(self, options: LlamaOptions, layers: int) -> None:
        """Choose the sizes of the context for these weights, of which so many layers are to lie on a GPU."""
        weights = self._weights
        self.num_cells: int = options.cells or defaults.num_cells(
            weights.train_context,
            weights.cell_bytes,
            gpu_share=weights.gpu_share,
            gpu_memory=llama_library.free_gpu_memory() if layers else None,
        )
        self._on_cpu = layers == 0
        self.is_divided = self._on_cpu and weights.num_parameters >= defaults.SMALL_MODEL
        """Whether rows are evaluated in several calls where that costs less; see `tiles`."""
        file_type = weights.stated("general.file_type")
        self._pairs = self._on_cpu and file_type in defaults.UNQUANTISED
        self._is_blocked = file_type in defaults.BLOCKED
        self._spare: int = tiles.TILE - 1 if self.is_divided else int(self._pairs)
        rows = options.batch or (defaults.CPU_BATCH if self._on_cpu else defaults.GPU_BATCH)
        self.max_rows: int = min(rows, self.num_cells) - int(self._pairs)
        self._num_ids: int = min(int(llama.llama_max_parallel_sequences()), 256, self.num_cells)
        # In layers with a sliding window, llama.cpp gives away cells that lie behind the window of the only sequence that sees
        # them; yet a fork may go on from there. Cells that two sequences see are kept, so every sequence has a shadow.
        self._offsets = (0, self._num_ids // 2) if weights.window else (0,)
        self.num_sequences = self._num_ids // len(self._offsets) - (self._spare > 0)
        self.num_threads: int = options.threads or defaults.num_threads(weights.num_parameters)

    def copy(self, source: int, target: int, start: int, end: int) -> None:
        """See `Memory.copy`."""
        for offset in self._offsets:
            llama.llama_memory_seq_cp(self._memory, source + offset, target + offset, start, end)

    def remove(self, sequence: int, start: int, end: int) -> None:
        """See `Memory.remove`."""
        for offset in self._offsets:
            llama.llama_memory_seq_rm(self._memory, sequence + offset, start, end)

    def decode(self, rows: Sequence[Row]) -> NDArray[np.float32] | None:
        """See `Backend.decode`."""
        self._interrupt_text.value = b""
        calls = self.divide(rows)
        logits: NDArray[np.float32] | None = None
        try:
            is_one = len(calls) == 1
            logits = self._evaluate(rows, calls[0].num_fillers) if is_one else self._evaluate_apart(rows, calls)
        finally:
            if logits is None:
                for row in rows:
                    for sequence in row.sequences:
                        self.remove(sequence, row.position, -1)
        return logits

    def divide(self, rows: Sequence[Row]) -> tuple[tiles.Call, ...]:
        """Return the calls that evaluate the rows."""
        if self.is_divided:
            return tiles.divide(rows, tiles.row_cost(self._weights.num_parameters, self._weights.attention_width))
        return (tiles.Call(rows=tuple(range(len(rows)))),)

    def _evaluate_apart(self, rows: Sequence[Row], calls: Sequence[tiles.Call]) -> NDArray[np.float32] | None:
        """Make several calls; None when one was interrupted."""
        wanted = [number for number, row in enumerate(rows) if row.wants_logits]
        logits = np.empty((len(wanted), self.num_vocab), dtype=np.float32)
        for call in calls:
            part = self._evaluate([rows[number] for number in call.rows], call.num_fillers)
            if part is None:
                return None
            logits[np.isin(wanted, call.rows)] = part
        return logits

    def _evaluate(self, rows: Sequence[Row], num_fillers: int) -> NDArray[np.float32] | None:
        """Make one call; None when it was interrupted."""
        num_logits = sum(row.wants_logits for row in rows)
        if self._pairs and (len(rows) == 1 or num_logits == 1):
            num_fillers = max(num_fillers, 1)
        elif self.is_divided and self._is_blocked:
            num_fillers += tiles.block_fillers(len(rows) + num_fillers)
        fillers = [
            Row(token=rows[0].token, position=i, sequences=(self.num_sequences,), wants_logits=self._pairs and i == 0)
            for i in range(num_fillers)
        ]
        evaluated = [*rows, *fillers]
        if len(self._offsets) > 1:
            evaluated = [self._with_shadows(row) for row in evaluated]
        self._batch.fill(evaluated)
        status = llama.llama_decode(self._context, self._batch.struct)
        if fillers:
            self.remove(self.num_sequences, 0, -1)
        if status == _INTERRUPTED:
            return None
        if status:
            raise DecodeError(
                f"llama.cpp refused a batch of {len(rows)} tokens (status {status}){llama_library.reason()}"
            )
        logits = llama.llama_get_logits(self._context)
        return np.ctypeslib.as_array(logits, shape=(num_logits, self.num_vocab))

    def _with_shadows(self, row: Row) -> Row:
        """Return the row as llama.cpp's sequences see it."""
        ids = (sequence + offset for offset in self._offsets for sequence in row.sequences)
        return replace(row, sequences=tuple(ids))

    def tokenize(self, text: str, *, special: bool) -> tuple[int, ...]:
        """Return the ids of a text; only with `special` do control tokens written in it count as such."""
        return self._weights.tokenize(text, special=special)

    def num_idle_cells(self) -> int:
        """Return how many cells prefixes may keep that no running request sees."""
        return defaults.num_idle_cells(self._weights.num_parameters, self._weights.attention_width)

    def interrupt(self) -> None:
        """Make a decode call that is under way stop; llama.cpp asks between the nodes of its graph."""
        self._interrupt_text.value = b"!"

    def close(self) -> None:
        """Free context and model; closing twice is harmless."""
        if self._context is not None:
            llama.llama_free(self._context)
            self._context = None
        self._weights.close()

    def _open_context(self) -> object:
        params = llama.llama_context_default_params()
        params.n_ctx = self.num_cells + self._spare
        # llama.cpp reserves one row for every sequence and aborts the process when the batch has fewer.
        params.n_batch = params.n_ubatch = max(self.max_rows + self._spare, self._num_ids)
        params.n_seq_max = self._num_ids
        params.n_threads = params.n_threads_batch = self.num_threads
        if self._on_cpu and self._weights.num_parameters < defaults.SMALL_MODEL:
            params.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_DISABLED  # see `defaults.SMALL_MODEL`
        params.kv_unified = True
        params.swa_full = True
        params.no_perf = True
        # llama.cpp asks some hundred times a call whether to stop. The answer is C's strlen of a text that is empty until
        # somebody interrupts: a Python function would take the GIL each time, and wait for it while a view draws.
        params.abort_callback = ctypes.cast(_STRLEN, llama.ggml_abort_callback)
        params.abort_callback_data = ctypes.addressof(self._interrupt_text)
        context = llama.llama_init_from_model(self._weights.pointer, params)
        if context is None:
            fewer_layers = "" if self._on_cpu else "fewer --gpu-layers, "
            raise EngineError(
                f"llama.cpp cannot make a context of {self.num_cells} tokens{llama_library.reason()}",
                hint=f"use a smaller --ctx, {fewer_layers}or a smaller quantisation of the model",
            )
        self.num_cells = min(self.num_cells, llama.llama_n_ctx(context) - self._spare)
        return context

    def _own_memory(self, path: Path) -> object:
        memory: object | None = llama.llama_get_memory(self._context)
        if memory is None:
            raise EngineError(
                f"{path.name} is no text generator (it reads a text as a whole, without a KV memory)",
                hint="use a model that writes token by token, such as Marco-o1",
            )
        return memory


class _Batch:
    """llama.cpp's batch, written through numpy views on arrays that we own."""

    def __init__(self, max_rows: int, num_sequences: int) -> None:
        self._tokens = np.zeros(max_rows, dtype=np.int32)
        self._positions = np.zeros(max_rows, dtype=np.int32)
        self._counts = np.ones(max_rows, dtype=np.int32)
        self._sequences = np.zeros((max_rows, num_sequences), dtype=np.int32)
        self._wants_logits = np.zeros(max_rows, dtype=np.int8)
        row_pointer = ctypes.POINTER(llama.llama_seq_id)
        self._row_pointers = (row_pointer * max_rows)(
            *(self._sequences[i].ctypes.data_as(row_pointer) for i in range(max_rows))
        )
        self.struct = llama.llama_batch(
            n_tokens=0,
            token=self._tokens.ctypes.data_as(ctypes.POINTER(llama.llama_token)),
            embd=None,
            pos=self._positions.ctypes.data_as(ctypes.POINTER(llama.llama_pos)),
            n_seq_id=self._counts.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)),
            seq_id=self._row_pointers,
            logits=self._wants_logits.ctypes.data_as(ctypes.POINTER(ctypes.c_int8)),
        )

    def fill(self, rows: Sequence[Row]) -> None:
        """Write the rows."""
        n = len(rows)
        self._tokens[:n] = [row.token for row in rows]
        self._positions[:n] = [row.position for row in rows]
        self._wants_logits[:n] = [row.wants_logits for row in rows]
        self._counts[:n] = [len(row.sequences) for row in rows]
        for i, row in enumerate(rows):
            self._sequences[i, : len(row.sequences)] = row.sequences
        self.struct.n_tokens = n
