"""An engine without weights: deterministic, instant, for tests, documentation and trying strategies out.

A script is a function from the text so far to what may be said next: `{"continuation": probability, ...}`. A
continuation is text of any length, and `END` ends the reply. Where the script returns nothing, the continuation that it
last offered is still being spoken; when that is over too, the reply ends. The vocabulary is the 256 bytes and ChatML's
control tokens, so every text has exactly one tokenisation, and a token is as likely as the continuations that begin
with it:

    def script(text: str) -> Mapping[str, float]:
        return {"four": 0.9, "five": 0.1} if text.endswith("2+2=") else {}

    engine = scripted_engine(script)

The scheduler, the prefix cache and the sampling are the real ones; only the model is scripted.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine.backend import Row
from marco_cli.engine.base import ModelInfo
from marco_cli.engine.batched import BatchedEngine
from marco_cli.errors import DecodeError

Script = Callable[[str], Mapping[str, float]]
Offer = tuple[int, Mapping[str, float]]
"""How many tokens stand before the continuations, and they."""

CONTROL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
END = "<|im_end|>"
END_ID = 256 + CONTROL_TOKENS.index(END)
NUM_VOCAB = 256 + len(CONTROL_TOKENS)
_CONTROL = re.compile("(" + "|".join(map(re.escape, CONTROL_TOKENS)) + ")")

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

_MOST_OFFERS = 65_536
_IMPOSSIBLE = -30.0
"""Logit of a token that no continuation begins with: e⁻³⁰ ≈ 1e-13, finite like those of a real model."""


def replies(*texts: str) -> Script:
    """Return a script that answers the first prompt with the first text, the second with the second, and so on."""
    turns: dict[str, str] = {}

    def script(text: str) -> Mapping[str, float]:
        for prompt, reply in turns.items():
            if text.startswith(prompt) and reply.startswith(text[len(prompt) :]):
                return {reply[len(text) - len(prompt) :] + END: 1.0}
        turns[text] = texts[len(turns) % len(texts)]
        return {turns[text] + END: 1.0}

    return script


class ScriptedModel:
    """A backend whose logits come from a script; keeps the tokens of each sequence as a KV memory would."""

    def __init__(self, script: Script, *, num_cells: int, num_sequences: int, max_rows: int) -> None:
        self.num_cells = num_cells
        self.num_sequences = num_sequences
        self.max_rows = max_rows
        self.info = ModelInfo(
            name="scripted",
            num_vocab=NUM_VOCAB,
            train_context=num_cells,
            chat_template=CHATML,
            eos_text=END,
            eos_ids=frozenset({END_ID, 256}),
        )
        self._script = script
        self._offers: dict[tuple[int, ...], Offer] = {}
        self._sequences: list[list[int]] = [[] for _ in range(num_sequences)]

    def copy(self, source: int, target: int, start: int, end: int) -> None:
        """See `Memory.copy`."""
        self._sequences[target][start:end] = self._sequences[source][start:end]

    def remove(self, sequence: int, start: int, end: int) -> None:
        """See `Memory.remove`: positions in the middle become holes, as in llama.cpp."""
        ids = self._sequences[sequence]
        if end >= len(ids):
            del ids[start:]
        else:
            ids[start:end] = [-1] * (end - start)

    def decode(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """See `Backend.decode`."""
        logits = []
        for row in rows:
            for sequence in row.sequences:
                ids = self._sequences[sequence]
                if len(ids) != row.position or -1 in ids:
                    raise DecodeError(f"sequence {sequence} holds {len(ids)} tokens, a row is for {row.position}")
                ids.append(row.token)
            if row.wants_logits:
                logits.append(self._logits(tuple(self._sequences[row.sequences[0]])))
        return np.stack(logits) if logits else np.empty((0, NUM_VOCAB), dtype=np.float32)

    def _logits(self, ids: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the logits `[NUM_VOCAB]` after `ids`: of the continuations offered last, those that agree with the rest."""
        start, offered = self._offer(ids)
        spoken = ids[start:]
        weights = np.zeros(NUM_VOCAB)
        for continuation, probability in offered.items():
            wanted = _encode(continuation)
            if len(wanted) > len(spoken) and wanted[: len(spoken)] == spoken:
                weights[wanted[len(spoken)]] += probability
        logits = np.full(NUM_VOCAB, _IMPOSSIBLE, dtype=np.float32)
        possible = weights > 0
        if possible.any():
            logits[possible] = np.log(weights[possible] / weights.sum())
        else:
            logits[END_ID] = 0
        return logits

    def _offer(self, ids: tuple[int, ...]) -> Offer:
        """Return what the script offered last, and where. What holds for a text holds for the one that is a token longer."""
        longer = []
        found: Offer | None = None
        for start in range(len(ids), -1, -1):
            if found := self._offers.get(ids[:start]):
                break
            longer.append(ids[:start])
            text = _decode(ids[:start])
            if offered := self._script(text) if text is not None else {}:
                found = (start, offered)
                break
        if len(self._offers) > _MOST_OFFERS:
            self._offers.clear()
        self._offers.update(dict.fromkeys(longer, found or (0, {})))
        return found or (0, {})

    def piece(self, token: int) -> bytes:
        """Return the byte of a token; control tokens are empty."""
        return bytes([token]) if token < 256 else b""

    def spelling(self, token: int) -> bytes:
        """Return the bytes of a token, also of a control token."""
        return bytes([token]) if token < 256 else CONTROL_TOKENS[token - 256].encode()

    def is_end(self, token: int) -> bool:
        """Say whether the token ends the generation."""
        return token in self.info.eos_ids

    def tokenize(self, text: str, *, special: bool) -> tuple[int, ...]:
        """Return one id a byte; with `special`, one for each control token."""
        return _encode(text) if special else tuple(text.encode())

    def interrupt(self) -> None:
        """Do nothing: a decode call takes microseconds."""

    def close(self) -> None:
        """Forget the sequences."""
        self._sequences.clear()


def scripted_engine(
    script: Script,
    *,
    max_num_seqs: int = 16,
    context_size: int = 4096,
    num_cells: int = 65_536,
    num_sequences: int = 256,
) -> BatchedEngine:
    """Open an engine that speaks by a script."""
    model = ScriptedModel(script, num_cells=num_cells, num_sequences=num_sequences, max_rows=512)
    return BatchedEngine(model, max_num_seqs=max_num_seqs, context_size=context_size)


@lru_cache(maxsize=4096)
def _encode(text: str) -> tuple[int, ...]:
    ids: list[int] = []
    for part in _CONTROL.split(text):
        ids.extend([256 + CONTROL_TOKENS.index(part)] if part in CONTROL_TOKENS else part.encode())
    return tuple(ids)


def _decode(ids: Sequence[int]) -> str | None:
    """Return the text of ids that end at the end of a character, else None."""
    data = b"".join(bytes([i]) if i < 256 else CONTROL_TOKENS[i - 256].encode() for i in ids)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
