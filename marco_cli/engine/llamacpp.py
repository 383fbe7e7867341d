"""The llama.cpp backend: the only module that imports llama_cpp, and only its low-level C API.

One model, one context with a unified KV memory, as many sequence ids as llama.cpp allows. Everything above (batching,
prefixes, sampling) lives in the scheduler; here is loading, one decode call, and the vocabulary.

llama.cpp logs through a callback into a ring buffer: nothing is printed, and when loading fails the error carries the
lines that say why.
"""

import contextlib
import ctypes
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import llama_cpp as llama
import llama_cpp._ggml as ggml
import numpy as np
from numpy.typing import NDArray

from marco_cli.engine import defaults
from marco_cli.engine.backend import Row
from marco_cli.engine.base import ModelInfo
from marco_cli.engine.batched import BatchedEngine
from marco_cli.errors import ConfigError, DecodeError, EngineError

DEFAULT_PLACES = defaults.PLACES

_LOG_WARN = 3
_LOG_ERROR = 4
_INTERRUPTED = 2
_TEXT_BUFFER = 256
_STRLEN = ctypes.CDLL("msvcrt" if os.name == "nt" else None).strlen

_log_lines: deque[tuple[int, str]] = deque(maxlen=200)
"""Warnings and errors of llama.cpp, with their level."""


@llama.llama_log_callback  # type: ignore[untyped-decorator]
def _log(level: int, text: bytes | None, _user_data: object) -> None:
    if level in {_LOG_WARN, _LOG_ERROR} and text:
        _log_lines.append((level, " ".join(text.decode("utf-8", errors="replace").split())))


@ctypes.CFUNCTYPE(None, ctypes.c_char_p)  # type: ignore[untyped-decorator]
def _give_up(text: bytes | None) -> None:
    """End the program in our own words: ggml calls this where it would dump a trace of its stack, and then aborts."""
    place, _, claim = " ".join((text or b"").decode("utf-8", errors="replace").split()).partition(": ")
    what = f"{Path(place).name}: {claim}"
    os.write(2, f"\nmarco: llama.cpp gave up: {what}\n  hint: check the file with `marco models verify`\n".encode())
    os._exit(EngineError.exit_code)


def _begin() -> None:
    """Set llama.cpp up and let it speak to us alone; done again, it changes nothing."""
    llama.llama_log_set(_log, None)
    with contextlib.suppress(AttributeError):  # a platform on which the library does not hand on this name
        ggml.libggml.ggml_set_abort_callback(_give_up)
    llama.llama_backend_init()


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
    """-1 = all. Default: all, when llama.cpp was built with a GPU backend."""
    batch: int | None = None
    """Rows of one decode call. Default: `defaults.CPU_BATCH`, or `defaults.GPU_BATCH` with layers on a GPU."""

    def __post_init__(self) -> None:
        """Refuse sizes that cannot work."""
        for name, value, least in (
            ("ctx", self.cells, 16),
            ("parallel", self.places, 1),
            ("threads", self.threads, 1),
            ("gpu_layers", self.gpu_layers, -1),
            ("batch", self.batch, 8),
        ):
            if value is not None and value < least:
                raise ConfigError(f"{name} is {value}, expected {least} or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFacts:
    """What this llama.cpp was compiled for, and what it finds to compute on."""

    can_offload: bool
    """Whether layers can be put on a GPU: one is there, and the build can use it."""
    system_info: str
    """`CPU : AVX2 = 1 | … | CUDA : ARCHS = 900 | …`"""
    devices: tuple[str, ...]
    """Names of what it computes on, e.g. CPU, CUDA0; empty where this cannot be asked for."""

    @property
    def backends(self) -> tuple[str, ...]:
        """Names of the backends that say what they were compiled for, e.g. CPU, CUDA."""
        return tuple(part.split(" : ")[0].strip() for part in self.system_info.split("|") if " : " in part)


def build_facts() -> BuildFacts:
    """Ask llama.cpp what it was built for; loads no model."""
    _begin()
    return BuildFacts(
        can_offload=bool(llama.llama_supports_gpu_offload()),
        system_info=llama.llama_print_system_info().decode("utf-8", errors="replace").strip(),
        devices=_device_names(),
    )


def open_engine(path: Path, options: LlamaOptions | None = None, *, name: str | None = None) -> BatchedEngine:
    """Load a GGUF file.

    Raises:
        EngineError: it is no usable model, or there is not enough memory; the message ends with llama.cpp's own words.
        ConfigError: more places than sequences, or a context that the model cannot have.

    """
    options = options or LlamaOptions()
    model = LlamaModel(path, options, name=name)
    places = options.places or DEFAULT_PLACES
    if places > model.num_sequences:
        model.close()
        raise ConfigError(
            f"--parallel {places} is more than the {model.num_sequences} sequences that llama.cpp can run"
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

    def __init__(self, path: Path, options: LlamaOptions, *, name: str | None = None) -> None:
        _log_lines.clear()
        _begin()
        gpu = bool(llama.llama_supports_gpu_offload())
        layers = options.gpu_layers if options.gpu_layers is not None else (-1 if gpu else 0)
        self._model = _load(path, layers)
        self._context: object | None = None
        self._vocab = llama.llama_model_get_vocab(self._model)
        self._interrupt_text = ctypes.create_string_buffer(b"", 2)
        try:
            self._refuse_unusable(path)
            self.num_cells = options.cells or defaults.num_cells(
                llama.llama_model_n_ctx_train(self._model), self._cell_bytes()
            )
            self._on_cpu = layers == 0
            self._fills = int(self._on_cpu and self._meta("general.file_type") in defaults.UNQUANTISED)
            rows = options.batch or (defaults.CPU_BATCH if self._on_cpu else defaults.GPU_BATCH)
            self.max_rows = min(rows, self.num_cells) - self._fills
            self.num_sequences = min(int(llama.llama_max_parallel_sequences()), 256, self.num_cells) - self._fills
            self.num_threads = options.threads or defaults.num_threads(llama.llama_model_n_params(self._model))
            self._context = self._open_context()
        except BaseException:
            self.close()
            raise
        self._memory = llama.llama_get_memory(self._context)
        self.num_cells = min(self.num_cells, llama.llama_n_ctx(self._context) - self._fills)
        self._batch = _Batch(self.max_rows + self._fills, self.num_sequences + self._fills)
        self.num_vocab: int = llama.llama_vocab_n_tokens(self._vocab)
        self.piece = lru_cache(maxsize=None)(partial(_piece, self._vocab))
        self.is_end = lru_cache(maxsize=4096)(partial(_is_end, self._vocab))
        self.info = self._describe(
            path,
            name,
            (
                ("threads", str(self.num_threads)),
                ("gpu layers", "all" if layers < 0 else str(layers)),
                ("context", f"{self.num_cells} cells"),
                ("batch", str(self.max_rows)),
            ),
        )
        _log_lines.clear()

    def copy(self, source: int, target: int, start: int, end: int) -> None:
        """See `Memory.copy`."""
        llama.llama_memory_seq_cp(self._memory, source, target, start, end)

    def remove(self, sequence: int, start: int, end: int) -> None:
        """See `Memory.remove`."""
        llama.llama_memory_seq_rm(self._memory, sequence, start, end)

    def decode(self, rows: Sequence[Row]) -> NDArray[np.float32] | None:
        """See `Backend.decode`."""
        self._interrupt_text.value = b""
        num_logits = sum(row.wants_logits for row in rows)
        filler = Row(token=rows[0].token, position=0, sequences=(self.num_sequences,), wants_logits=True)
        is_filled = self._fills and (len(rows) == 1 or num_logits == 1)
        self._batch.fill([*rows, filler] if is_filled else rows)
        status = llama.llama_decode(self._context, self._batch.struct)
        if is_filled:
            self.remove(self.num_sequences, 0, -1)
        if status:
            for row in rows:
                for sequence in row.sequences:
                    self.remove(sequence, row.position, -1)
            if status == _INTERRUPTED:
                return None
            raise DecodeError(f"llama.cpp refused a batch of {len(rows)} tokens (status {status}){_reason()}")
        logits = llama.llama_get_logits(self._context)
        return np.ctypeslib.as_array(logits, shape=(num_logits, self.num_vocab))

    def tokenize(self, text: str, *, special: bool) -> tuple[int, ...]:
        """Return the ids of a text; only with `special` do control tokens written in it count as such."""
        data = text.encode("utf-8", errors="replace")
        size = len(data) + 8
        for _ in range(2):
            ids = (llama.llama_token * size)()
            count = llama.llama_tokenize(self._vocab, data, len(data), ids, size, False, special)
            if count >= 0:
                return tuple(ids[:count])
            size = -count
        raise EngineError(f"llama.cpp cannot tokenise a text of {len(data)} bytes")

    def num_idle_cells(self) -> int:
        """Return how many cells prefixes may keep that no running request sees."""
        layers, width = llama.llama_model_n_layer(self._model), llama.llama_model_n_embd(self._model)
        return defaults.num_idle_cells(llama.llama_model_n_params(self._model), layers * width)

    def interrupt(self) -> None:
        """Make a decode call that is under way stop; llama.cpp asks between the nodes of its graph."""
        self._interrupt_text.value = b"!"

    def close(self) -> None:
        """Free context and model; closing twice is harmless."""
        if self._context is not None:
            llama.llama_free(self._context)
            self._context = None
        if self._model is not None:
            llama.llama_model_free(self._model)
            self._model = None

    def _open_context(self) -> object:
        params = llama.llama_context_default_params()
        params.n_ctx = self.num_cells + self._fills
        # llama.cpp reserves one row for every sequence and aborts the process when the batch has fewer.
        params.n_batch = params.n_ubatch = max(self.max_rows, self.num_sequences) + self._fills
        params.n_seq_max = self.num_sequences + self._fills
        params.n_threads = params.n_threads_batch = self.num_threads
        if self._on_cpu and llama.llama_model_n_params(self._model) < defaults.SMALL_MODEL:
            params.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_DISABLED  # see `defaults.SMALL_MODEL`
        params.kv_unified = True
        params.swa_full = True
        params.no_perf = True
        # llama.cpp asks some hundred times a call whether to stop. The answer is C's strlen of a text that is empty until
        # somebody interrupts: a Python function would take the GIL each time, and wait for it while a view draws.
        params.abort_callback = ctypes.cast(_STRLEN, llama.ggml_abort_callback)
        params.abort_callback_data = ctypes.addressof(self._interrupt_text)
        context = llama.llama_init_from_model(self._model, params)
        if context is None:
            raise EngineError(
                f"llama.cpp cannot make a context of {self.num_cells} tokens{_reason()}",
                hint="use a smaller --ctx, or a smaller quantisation of the model",
            )
        return context

    def _refuse_unusable(self, path: Path) -> None:
        if llama.llama_model_has_encoder(self._model) or not llama.llama_model_has_decoder(self._model):
            raise EngineError(f"{path.name} is no text generator (it has an encoder)")
        if llama.llama_model_is_recurrent(self._model) or llama.llama_model_is_hybrid(self._model):
            raise EngineError(
                f"{path.name} keeps a recurrent state, which cannot be forked in the middle",
                hint="use a transformer model, such as Marco-o1",
            )

    def _cell_bytes(self) -> int:
        """Return the bytes of one KV cell: keys and values in 16 bits, for every layer."""
        usual = int(llama.llama_model_n_embd(self._model)) // max(1, int(llama.llama_model_n_head(self._model)))
        architecture = self._meta("general.architecture")
        key = int(self._meta(f"{architecture}.attention.key_length") or usual)
        value = int(self._meta(f"{architecture}.attention.value_length") or usual)
        heads = int(llama.llama_model_n_head_kv(self._model))
        return max(1, int(llama.llama_model_n_layer(self._model)) * heads * (key + value) * 2)

    def _describe(self, path: Path, name: str | None, settings: tuple[tuple[str, str], ...]) -> ModelInfo:
        template = llama.llama_model_chat_template(self._model, None)
        bos = llama.llama_vocab_bos(self._vocab)
        eos, eot = llama.llama_vocab_eos(self._vocab), llama.llama_vocab_eot(self._vocab)
        return ModelInfo(
            name=name or self._meta("general.name") or path.stem,
            path=str(path),
            architecture=self._meta("general.architecture") or "",
            num_parameters=llama.llama_model_n_params(self._model),
            size_bytes=llama.llama_model_size(self._model),
            num_vocab=self.num_vocab,
            train_context=llama.llama_model_n_ctx_train(self._model),
            chat_template=template.decode("utf-8", errors="replace") if template else None,
            bos_id=bos if llama.llama_vocab_get_add_bos(self._vocab) and bos >= 0 else None,
            bos_text=self._token_text(bos),
            eos_text=self._token_text(eos),
            eos_ids=frozenset(token for token in (eos, eot) if token >= 0),
            settings=settings,
        )

    def _meta(self, key: str) -> str | None:
        buffer = ctypes.create_string_buffer(_TEXT_BUFFER)
        length = llama.llama_model_meta_val_str(self._model, key.encode(), buffer, _TEXT_BUFFER)
        return buffer.value.decode("utf-8", errors="replace") if length >= 0 else None

    def _token_text(self, token: int) -> str:
        text = llama.llama_vocab_get_text(self._vocab, token) if token >= 0 else None
        return text.decode("utf-8", errors="replace") if text else ""


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


def _load(path: Path, gpu_layers: int) -> object:
    params = llama.llama_model_default_params()
    params.n_gpu_layers = gpu_layers
    model = llama.llama_model_load_from_file(str(path).encode(), params)
    if model is None:
        raise EngineError(
            f"llama.cpp cannot load {path.name}{_reason()}",
            hint="check the file with `marco models verify`, or fetch it again with `marco models pull`",
        )
    return model


def _device_names() -> tuple[str, ...]:
    """Ask ggml, since llama.cpp's own interface has no word for devices."""
    try:
        count, get, name = (getattr(ggml.libggml, f"ggml_backend_dev_{word}") for word in ("count", "get", "name"))
    except AttributeError:  # a platform on which that library does not hand on the names of those below it
        return ()
    count.restype, get.restype, name.restype = ctypes.c_size_t, ctypes.c_void_p, ctypes.c_char_p
    get.argtypes, name.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]
    return tuple(name(get(index)).decode("utf-8", errors="replace") for index in range(count()))


def _piece(vocab: object, token: int) -> bytes:
    size = _TEXT_BUFFER
    for _ in range(2):
        buffer = ctypes.create_string_buffer(size)
        length = llama.llama_token_to_piece(vocab, token, buffer, size, 0, False)
        if length >= 0:
            return buffer.raw[:length]
        size = -length
    raise EngineError(f"llama.cpp cannot spell token {token}")


def _is_end(vocab: object, token: int) -> bool:
    return bool(llama.llama_vocab_is_eog(vocab, token))


def _reason() -> str:
    """Return the first error that llama.cpp spoke of lately, or else the first warning."""
    for wanted in (_LOG_ERROR, _LOG_WARN):
        for level, line in _log_lines:
            if level == wanted and line:
                return f": {line}"
    return ""
