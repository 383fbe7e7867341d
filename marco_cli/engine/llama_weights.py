"""A GGUF file as llama.cpp holds it: the weights, what the file says of itself, and its vocabulary.

In: a path, and how many layers go on a GPU. Out: a pointer that contexts are made from, figures about the model, ids for
text and bytes for ids. All of it stays as it is while the model works; the KV memory and decoding are `llamacpp`'s.
"""

import ctypes
import os
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import llama_cpp as llama

from marco_cli.engine.base import ModelInfo
from marco_cli.engine.llama_library import reason
from marco_cli.errors import EngineError

_TEXT_BUFFER = 256


class Weights:
    """A loaded model file.

    Raises:
        EngineError: it cannot be loaded, or is of a kind that cannot generate text or be forked.
    """

    def __init__(
        self,
        path: Path,
        *,
        gpu_layers: int,
        is_interrupted: Callable[[], bool] | None = None,
        vocabulary_only: bool = False,
    ) -> None:
        self._path = path
        self._gpu_layers = gpu_layers
        self.pointer: object | None = _load(path, gpu_layers, is_interrupted, vocabulary_only=vocabulary_only)
        """llama.cpp's model; None once it is closed."""
        self._vocab = llama.llama_model_get_vocab(self.pointer)
        try:
            self._refuse_unusable()
        except BaseException:
            self.close()
            raise
        self.num_parameters: int = llama.llama_model_n_params(self.pointer)
        self.num_vocab: int = llama.llama_vocab_n_tokens(self._vocab)
        self.train_context: int = llama.llama_model_n_ctx_train(self.pointer)
        """Positions that the model was trained on."""
        # Asked for each token of each reply again; a vocabulary is all that they can grow to.
        self.piece = lru_cache(maxsize=None)(partial(_piece, self._vocab))
        self.spelling = partial(_piece, self._vocab, with_control=True)
        self.is_end = lru_cache(maxsize=4096)(partial(_is_end, self._vocab))

    @property
    def file_name(self) -> str:
        """The name of the file."""
        return self._path.name

    @property
    def attention_width(self) -> int:
        """Layers x embedding length."""
        return int(llama.llama_model_n_layer(self.pointer)) * int(llama.llama_model_n_embd(self.pointer))

    @property
    def window(self) -> int:
        """Positions that layers with a sliding window see; 0 where no layer has one."""
        return int(llama.llama_model_n_swa(self.pointer))

    @property
    def gpu_share(self) -> float:
        """Share of the layers that were asked to lie on a GPU; llama.cpp counts the output as the last layer."""
        num_layers = max(1, int(llama.llama_model_n_layer(self.pointer)))
        return 1.0 if self._gpu_layers < 0 else min(max(0, self._gpu_layers - 1), num_layers) / num_layers

    @property
    def cell_bytes(self) -> int:
        """Bytes of one KV cell: keys and values in 16 bits, for every layer."""
        usual = int(llama.llama_model_n_embd(self.pointer)) // max(1, int(llama.llama_model_n_head(self.pointer)))
        architecture = self.stated("general.architecture")
        key = int(self.stated(f"{architecture}.attention.key_length") or usual)
        value = int(self.stated(f"{architecture}.attention.value_length") or usual)
        heads = int(llama.llama_model_n_head_kv(self.pointer))
        return max(1, int(llama.llama_model_n_layer(self.pointer)) * heads * (key + value) * 2)

    def stated(self, key: str) -> str | None:
        """Return what the file states under a key such as `general.name`; None where it does not."""
        buffer = ctypes.create_string_buffer(_TEXT_BUFFER)
        length = llama.llama_model_meta_val_str(self.pointer, key.encode(), buffer, _TEXT_BUFFER)
        return buffer.value.decode("utf-8", errors="replace") if length >= 0 else None

    def describe(self, *, name: str | None, settings: tuple[tuple[str, str], ...]) -> ModelInfo:
        """Return what is known of the model; it is called by its own name, or by its file's, where none is given."""
        template = llama.llama_model_chat_template(self.pointer, None)
        bos = llama.llama_vocab_bos(self._vocab)
        eos, eot = llama.llama_vocab_eos(self._vocab), llama.llama_vocab_eot(self._vocab)
        return ModelInfo(
            name=name or self.stated("general.name") or self._path.stem,
            path=str(self._path),
            architecture=self.stated("general.architecture") or "",
            num_parameters=self.num_parameters,
            num_vocab=self.num_vocab,
            train_context=self.train_context,
            chat_template=template.decode("utf-8", errors="replace") if template else None,
            bos_id=bos if llama.llama_vocab_get_add_bos(self._vocab) and bos >= 0 else None,
            bos_text=self._token_text(bos),
            eos_text=self._token_text(eos),
            eos_ids=frozenset(token for token in (eos, eot) if token >= 0),
            settings=settings,
        )

    def tokenize(self, text: str, *, special: bool) -> tuple[int, ...]:
        """Return the ids of a text; only with `special` do control tokens written in it count as such."""
        data = text.encode("utf-8", errors="replace")
        size = len(data) + 8  # a token stands for one byte at least; some vocabularies put a space before a text
        for _ in range(2):
            ids = (llama.llama_token * size)()
            count = llama.llama_tokenize(self._vocab, data, len(data), ids, size, False, special)
            if count >= 0:
                return tuple(ids[:count])
            size = -count  # so many there would have been
        raise EngineError(f"llama.cpp cannot tokenise a text of {len(data)} bytes")

    def refuse_head(self, width: int) -> None:
        """Refuse a head that does not read hidden states of this model.

        Raises:
            EngineError: it reads others.
        """
        own = int(llama.llama_model_n_embd(self.pointer))
        if width != own:
            raise EngineError(
                f"the head beside {self._path.name} reads hidden states of {width} numbers, and the model has {own}",
                hint="take the head of the same model: `marco models head`",
            )

    def close(self) -> None:
        """Free the memory; closing twice is harmless."""
        if self.pointer is not None:
            llama.llama_model_free(self.pointer)
            self.pointer = None

    def _refuse_unusable(self) -> None:
        if llama.llama_model_has_encoder(self.pointer) or not llama.llama_model_has_decoder(self.pointer):
            raise EngineError(f"{self._path.name} is not a text generator (it has an encoder)")
        if llama.llama_model_is_recurrent(self.pointer) or llama.llama_model_is_hybrid(self.pointer):
            raise EngineError(
                f"{self._path.name} keeps a recurrent state, which cannot be forked in the middle",
                hint="use a transformer model, such as Marco-o1",
            )

    def _token_text(self, token: int) -> str:
        text = llama.llama_vocab_get_text(self._vocab, token) if token >= 0 else None
        return text.decode("utf-8", errors="replace") if text else ""


def _load(path: Path, gpu_layers: int, is_interrupted: Callable[[], bool] | None, *, vocabulary_only: bool) -> object:
    params = llama.llama_model_default_params()
    params.vocab_only = vocabulary_only
    params.n_gpu_layers = gpu_layers
    # The variable keeps it alive for as long as C code may call it.
    goes_on = llama.llama_progress_callback(lambda _share, _data: is_interrupted is None or not is_interrupted())
    params.progress_callback = goes_on
    model = llama.llama_model_load_from_file(os.fsencode(path), params)
    if model is None:
        hint = "check the file with `marco models verify`, or fetch it again with `marco models pull`"
        if gpu_layers:
            hint = (
                "if it does not fit on the GPU, use fewer --gpu-layers; else check the file with `marco models verify`"
            )
        raise EngineError(f"llama.cpp cannot load {path.name}{reason()}", hint=hint)
    return model


def _piece(vocab: object, token: int, *, with_control: bool = False) -> bytes:
    size = _TEXT_BUFFER
    for _ in range(2):
        buffer = ctypes.create_string_buffer(size)
        length = llama.llama_token_to_piece(vocab, token, buffer, size, 0, with_control)
        if length >= 0:
            return buffer.raw[:length]
        size = -length
    raise EngineError(f"llama.cpp cannot spell token {token}")


def _is_end(vocab: object, token: int) -> bool:
    return bool(llama.llama_vocab_is_eog(vocab, token))
