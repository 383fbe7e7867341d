"""The exported model in llama.cpp, one sequence at a time: tokenise, prefill, decode greedily or sampled."""

import ctypes
from pathlib import Path

import llama_cpp
import numpy as np
from numpy.typing import NDArray


class Llama:
    """A loaded GGUF with one context."""

    def __init__(self, path: Path, threads: int = 2, context: int = 1024) -> None:
        self._quiet = llama_cpp.llama_log_callback(lambda *_: None)
        llama_cpp.llama_log_set(self._quiet, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        parameters = llama_cpp.llama_model_default_params()
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), parameters)
        if not self.model:
            raise ValueError(f"{path} does not load as a GGUF model")
        self.vocab = llama_cpp.llama_model_get_vocab(self.model)
        self.size = llama_cpp.llama_vocab_n_tokens(self.vocab)
        self.end = llama_cpp.llama_vocab_eos(self.vocab)
        options = llama_cpp.llama_context_default_params()
        options.n_ctx = options.n_batch = options.n_ubatch = context
        options.n_threads = options.n_threads_batch = threads
        self.context_length = context
        self.context = llama_cpp.llama_init_from_model(self.model, options)

    def close(self) -> None:
        """Free the context and the model."""
        llama_cpp.llama_free(self.context)
        llama_cpp.llama_model_free(self.model)

    def encode(self, text: str, *, special: bool = False) -> list[int]:
        """Tokenise; control tokens are recognised only where `special`."""
        data = text.encode()
        ids = (llama_cpp.llama_token * (len(data) + 8))()
        count = llama_cpp.llama_tokenize(self.vocab, data, len(data), ids, len(ids), False, special)
        return list(ids[:count])

    def decode(self, ids: list[int]) -> str:
        """Turn tokens into text, control tokens spelt out."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: list[int]) -> bytes:
        """Turn tokens into bytes, control tokens spelt out."""
        buffer = ctypes.create_string_buffer(256)
        pieces = []
        for token in ids:
            count = llama_cpp.llama_token_to_piece(self.vocab, token, buffer, len(buffer), 0, True)
            pieces.append(buffer.raw[:count])
        return b"".join(pieces)

    def logits(self, ids: list[int]) -> NDArray[np.float32]:
        """Evaluate `ids` after what is in memory and return the logits of the last."""
        array = (llama_cpp.llama_token * len(ids))(*ids)
        code = llama_cpp.llama_decode(self.context, llama_cpp.llama_batch_get_one(array, len(ids)))
        if code != 0:
            raise RuntimeError(f"llama_decode returned {code}")
        pointer = llama_cpp.llama_get_logits_ith(self.context, -1)
        return np.ctypeslib.as_array(pointer, shape=(self.size,)).copy()

    def generate(self, prompt: list[int], temperature: float = 0.0, seed: int = 0) -> list[int]:
        """Continue `prompt` up to and including the end token, or until the context is full."""
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), False)
        rng = np.random.default_rng(seed)
        answer: list[int] = []
        feed = prompt
        while len(prompt) + len(answer) < self.context_length:
            logits = self.logits(feed)
            if temperature > 0:
                logits = logits + temperature * rng.gumbel(size=self.size).astype(np.float32)
            token = int(logits.argmax())
            answer.append(token)
            if token == self.end:
                break
            feed = [token]
        return answer

    def prompt(self, question: str, system: str | None = None) -> list[int]:
        """Write a ChatML prompt whose user text cannot become a control token."""
        turns = ([("system", system)] if system is not None else []) + [("user", question)]
        ids: list[int] = []
        for role, text in turns:
            ids += [*self.encode("<|im_start|>", special=True), *self.encode(f"{role}\n{text}")]
            ids += [*self.encode("<|im_end|>", special=True), *self.encode("\n")]
        return [*ids, *self.encode("<|im_start|>", special=True), *self.encode("assistant\n")]
