"""Write a Qwen2-shaped GGUF with random weights: real sizes and speeds, nonsense text, nothing to download.

    python benchmarks/random_gguf.py 0.5B q8_0 /tmp/qwen2-0.5b-q8_0.gguf

The vocabulary is byte-level (256 bytes, filler pieces up to the wanted size, ChatML's control tokens at the end), so any
text can be tokenised. The same shape, type and seed give the same file.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The dimensions of a Qwen2 model."""

    layers: int
    width: int
    feed_forward: int
    heads: int
    kv_heads: int
    vocab: int = 151_936
    context: int = 32_768
    tied: bool = True


SHAPES = {
    "tiny": Shape(layers=2, width=64, feed_forward=128, heads=4, kv_heads=2, vocab=512, context=4096),
    "0.5B": Shape(layers=24, width=896, feed_forward=4864, heads=14, kv_heads=2),
    "1.5B": Shape(layers=28, width=1536, feed_forward=8960, heads=12, kv_heads=2),
    "7B": Shape(layers=28, width=3584, feed_forward=18_944, heads=28, kv_heads=4, vocab=152_064, tied=False),
}
TYPES = {
    "f32": (gguf.GGMLQuantizationType.F32, gguf.LlamaFileType.ALL_F32),
    "f16": (gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16),
    "q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
    "q4_0": (gguf.GGMLQuantizationType.Q4_0, gguf.LlamaFileType.MOSTLY_Q4_0),
}


def byte_pieces() -> list[str]:
    """Return GPT-2's printable stand-ins for the bytes 0 to 255 (the alphabet of byte-level BPE)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    stand_ins = iter(range(256, 512))
    return [chr(byte if byte in printable else next(stand_ins)) for byte in range(256)]


def write(path: Path, shape: Shape, type_name: str, *, seed: int = 0, scale: float = 0.02) -> None:
    """Write the model file; weights are normal with standard deviation `scale`, norms are 1."""
    rng = np.random.default_rng(seed)
    quantisation, file_type = TYPES[type_name]
    head_dim = shape.width // shape.heads
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_name(f"random-{path.stem}")
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_rope_freq_base(1e6)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_file_type(file_type)
    _write_vocabulary(writer, shape.vocab)

    def matrix(name: str, rows: int, columns: int) -> None:
        data = rng.standard_normal((rows, columns), dtype=np.float32) * np.float32(scale)
        writer.add_tensor(name, gguf.quants.quantize(data, quantisation), raw_dtype=quantisation)

    def vector(name: str, size: int, value: float) -> None:
        writer.add_tensor(name, np.full(size, value, dtype=np.float32))

    matrix("token_embd.weight", shape.vocab, shape.width)
    vector("output_norm.weight", shape.width, 1)
    if not shape.tied:
        matrix("output.weight", shape.vocab, shape.width)
    for i in range(shape.layers):
        vector(f"blk.{i}.attn_norm.weight", shape.width, 1)
        vector(f"blk.{i}.ffn_norm.weight", shape.width, 1)
        for part, heads in (("q", shape.heads), ("k", shape.kv_heads), ("v", shape.kv_heads)):
            matrix(f"blk.{i}.attn_{part}.weight", heads * head_dim, shape.width)
            vector(f"blk.{i}.attn_{part}.bias", heads * head_dim, 0)
        matrix(f"blk.{i}.attn_output.weight", shape.width, shape.width)
        matrix(f"blk.{i}.ffn_gate.weight", shape.feed_forward, shape.width)
        matrix(f"blk.{i}.ffn_up.weight", shape.feed_forward, shape.width)
        matrix(f"blk.{i}.ffn_down.weight", shape.width, shape.feed_forward)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_vocabulary(writer: gguf.GGUFWriter, size: int) -> None:
    fillers = [f"filler{i}" for i in range(size - 256 - len(CONTROL))]
    pieces = [*byte_pieces(), *fillers, *CONTROL]
    normal, control = gguf.TokenType.NORMAL, gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(pieces)
    writer.add_token_types([normal] * (size - len(CONTROL)) + [control] * len(CONTROL))
    # llama.cpp wants at least one merge; this one joins two bytes that never stand beside each other in text.
    writer.add_token_merges([f"{pieces[0]} {pieces[1]}"])
    writer.add_eos_token_id(size - 1)
    writer.add_pad_token_id(size - len(CONTROL))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHATML)


def main() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("type", choices=TYPES)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    write(arguments.path, SHAPES[arguments.shape], arguments.type, seed=arguments.seed)
    print(f"{arguments.path}: {arguments.path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
