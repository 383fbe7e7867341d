"""llama.cpp's context: rows in, logits out, and the KV cells of what was evaluated."""

import ctypes
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import llama_cpp as llama
import numpy as np
from numpy.typing import NDArray

from marco_cli.engine import llama_library
from marco_cli.engine.backend import Row
from marco_cli.engine.head import NUM_LABELS, Head
from marco_cli.engine.llama_weights import Weights
from marco_cli.engine.pace import Pace
from marco_cli.engine.saved_stream import SavedStream, empty_size
from marco_cli.errors import DecodeError, EngineError

_INTERRUPTED = 2
_STRLEN = ctypes.CDLL("msvcrt" if os.name == "nt" else None).strlen


class Interrupt:
    """What llama.cpp asks some hundred times a call: whether to stop.

    The answer is C's strlen of a text that is empty until the call is to stop: a Python function would take the GIL each time,
    and wait for it while a view draws.
    """

    def __init__(self) -> None:
        self._text = ctypes.create_string_buffer(b"", 2)
        self.callback = ctypes.cast(_STRLEN, llama.ggml_abort_callback)
        self.data = ctypes.addressof(self._text)

    def set(self) -> None:
        """Stop the call that is under way; llama.cpp asks between the nodes of its graph."""
        self._text.value = b"!"

    def clear(self) -> None:
        """Let the next call run."""
        self._text.value = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextShape:
    """How large a context is, and how it computes."""

    num_cells: int
    num_sequences: int
    num_threads: int
    max_rows: int
    is_unified: bool
    """Whether any number of sequences sees a cell; else each sequence is a stream of its own, and attention is plain."""
    has_flash: bool | None
    """Whether attention is flash attention; None as llama.cpp chooses."""

    @property
    def num_rows(self) -> int:
        """Rows of one call: llama.cpp reserves one for every sequence and aborts the process when the batch has fewer."""
        return max(self.max_rows, self.num_sequences)

    def params(self, interrupt: Interrupt) -> Any:
        """Return it as llama.cpp takes it."""
        params = llama.llama_context_default_params()
        params.n_ctx = self.num_cells
        params.n_batch = params.n_ubatch = self.num_rows
        params.n_seq_max = self.num_sequences
        params.n_threads = params.n_threads_batch = self.num_threads
        if self.has_flash is False:
            params.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.kv_unified = self.is_unified
        # Without it, layers with a sliding window would give cells away that a fork still needs.
        params.swa_full = True
        params.no_perf = True
        params.abort_callback = interrupt.callback
        params.abort_callback_data = interrupt.data
        return params


class Context:
    """Rows in, logits out.

    With a `pace` it is asked before each call how many threads to use. With a `head`, its labels take the place of the
    vocabulary.

    Raises:
        EngineError: there is not enough memory, or the model has no KV memory.
    """

    def __init__(
        self,
        weights: Weights,
        interrupt: Interrupt,
        shape: ContextShape,
        *,
        pace: Pace | None = None,
        head: Head | None = None,
        hint: str,
    ) -> None:
        self._weights = weights
        self._interrupt = interrupt
        """Kept alive: llama.cpp holds addresses in it."""
        self._pace = pace
        self._head = head
        self.num_sequences = shape.num_sequences
        self._pointer: object | None = llama.llama_init_from_model(weights.pointer, shape.params(interrupt))
        if self._pointer is None:
            raise EngineError(
                f"llama.cpp cannot make a context of {shape.num_cells} tokens{llama_library.reason()}", hint=hint
            )
        self._memory = llama.llama_get_memory(self._pointer)
        if self._memory is None:
            self.close()
            raise EngineError(
                f"{weights.file_name} is not a text generator (it reads a text as a whole, without a KV memory)",
                hint="use a model that writes token by token, such as Marco-o1",
            )
        self._batch = _Batch(shape.num_rows, shape.num_sequences if shape.is_unified else 1)

    @property
    def num_cells(self) -> int:
        """Cells of all sequences together."""
        return int(llama.llama_n_ctx(self._pointer))

    @property
    def stream_cells(self) -> int:
        """Cells that one sequence may have."""
        return int(llama.llama_n_ctx_seq(self._pointer))

    def evaluate(self, rows: Sequence[Row]) -> NDArray[np.float32] | None:
        """Return the logits `[n, V]` of the rows that want them, in order, valid until the next call.

        None when it was interrupted.

        Raises:
            DecodeError: llama.cpp refuses the rows.
        """
        if self._head is not None:
            return self._judge(rows, self._head)
        if not self._run(rows):
            return None
        num_logits = sum(row.wants_logits for row in rows)
        logits = llama.llama_get_logits(self._pointer)
        return np.ctypeslib.as_array(logits, shape=(num_logits, self._weights.num_vocab))

    def _judge(self, rows: Sequence[Row], head: Head) -> NDArray[np.float32] | None:
        """Return the logits `[n, 2]` of a head.

        llama.cpp hands out the hidden states of all rows of a call or of none, and each of them costs the logits of all words
        besides: the rows that are asked about get a call of their own.
        """
        asked = [row for row in rows if row.wants_logits]
        for part in ([row for row in rows if not row.wants_logits], asked):
            llama.llama_set_embeddings(self._pointer, part is asked)
            if part and not self._run(part):
                return None
        if not asked:
            return np.empty((0, NUM_LABELS), dtype=np.float32)
        hidden = llama.llama_get_embeddings(self._pointer)
        return head.logits(np.ctypeslib.as_array(hidden, shape=(len(asked), head.width)))

    def _run(self, rows: Sequence[Row]) -> bool:
        """Evaluate rows; False when it was interrupted."""
        self._batch.fill(rows)
        status = self._decode(len(rows))
        if status == _INTERRUPTED:
            return False
        if status:
            raise DecodeError(
                f"llama.cpp refused a batch of {len(rows)} tokens (status {status}){llama_library.reason()}"
            )
        return True

    def _decode(self, num_rows: int) -> int:
        """Evaluate the batch on as many threads as are faster at the moment; return llama.cpp's status."""
        if self._pace is None:
            return int(llama.llama_decode(self._pointer, self._batch.struct))
        llama.llama_set_n_threads(self._pointer, self._pace.threads, self._pace.threads)
        began, processor = time.perf_counter(), time.process_time()
        status = int(llama.llama_decode(self._pointer, self._batch.struct))
        self._pace.took(num_rows, time.perf_counter() - began, time.process_time() - processor)
        return status

    def copy(self, source: int, target: int, start: int, end: int) -> None:
        """Let a sequence see cells of another one."""
        llama.llama_memory_seq_cp(self._memory, source, target, start, end)

    def remove(self, sequence: int, start: int, end: int = -1) -> None:
        """Take positions away from a sequence; -1 stands for all that follow."""
        llama.llama_memory_seq_rm(self._memory, sequence, start, end)

    @property
    def is_plain(self) -> bool:
        """Whether what llama.cpp saves of a sequence is laid out as `save` and `load` expect: one cache, one count a stream."""
        size = llama.llama_state_seq_get_size(self._pointer, 0)  # of an empty one
        return bool(size == empty_size(self.num_sequences))

    def save(self, sequence: int) -> SavedStream:
        """Return what a sequence holds."""
        size = llama.llama_state_seq_get_size(self._pointer, sequence)
        data = np.empty(size, dtype=np.uint8)
        if llama.llama_state_seq_get_data(self._pointer, _bytes_of(data), size, sequence) != size:
            raise DecodeError(f"llama.cpp cannot save a sequence{llama_library.reason()}")
        return SavedStream(data=data, sequence=sequence, num_streams=self.num_sequences)

    def load(self, saved: SavedStream, sequence: int) -> None:
        """Give a sequence what another one held, which may be one of a context with more or fewer streams."""
        data = saved.data if saved.num_streams == self.num_sequences else saved.among(self.num_sequences)
        if llama.llama_state_seq_set_data(self._pointer, _bytes_of(data), len(data), sequence) != len(data):
            raise DecodeError(f"llama.cpp cannot load a sequence{llama_library.reason()}")

    def close(self) -> None:
        """Free the memory; closing twice is harmless."""
        if self._pointer is not None:
            llama.llama_free(self._pointer)
            self._pointer = None


def _bytes_of(data: NDArray[np.uint8]) -> object:
    return data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))


class _Batch:
    """llama.cpp's batch, written through numpy views on arrays that we own."""

    def __init__(self, max_rows: int, num_sequences: int) -> None:
        self._tokens = np.zeros(max_rows, dtype=np.int32)
        self._positions = np.zeros(max_rows, dtype=np.int32)
        self._counts = np.ones(max_rows, dtype=np.int32)
        self._sequences = np.zeros((max_rows, num_sequences), dtype=np.int32)
        self._wants_logits = np.zeros(max_rows, dtype=np.int8)
        row_pointer = ctypes.POINTER(llama.llama_seq_id)
        # llama.cpp wants a pointer a row: all of them point into one array, which stays where it is.
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
