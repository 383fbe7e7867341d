"""Write a checkpoint and its tokenizer as a GGUF that llama.cpp loads: matrices F16, norms and biases F32.

python -m training.export build/nano marco_cli/nano/marco-nano.gguf
"""

import argparse
import hashlib
from pathlib import Path

import gguf
import numpy as np
import torch

from marco_cli.models.store import Record, write_record
from training.checkpoint import load
from training.model import Nano, Shape
from training.tokenizer import SPECIALS, Tokenizer

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
BLOCK_NAMES = {
    "norm_attention": "attn_norm", "query": "attn_q", "key": "attn_k", "value": "attn_v", "out": "attn_output",
    "norm_feed": "ffn_norm", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down",
}  # fmt: skip


def describe(writer: gguf.GGUFWriter, shape: Shape) -> None:
    """Add the metadata of the architecture and the model."""
    writer.add_name("marco-nano")
    writer.add_description("Demo model of marco: arithmetic, short word problems (en, zh) and letter counting")
    writer.add_license("apache-2.0")
    writer.add_languages(["en", "zh"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_vocab_size(shape.vocabulary)


def add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    """Add pieces, merges, control tokens and the chat template."""
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(list(tokenizer.pieces))
    kinds = [gguf.TokenType.CONTROL if piece in SPECIALS else gguf.TokenType.NORMAL for piece in tokenizer.pieces]
    writer.add_token_types(kinds)
    writer.add_token_merges([f"{left} {right}" for left, right in tokenizer.merges])
    writer.add_bos_token_id(tokenizer.end_of_text)
    writer.add_eos_token_id(tokenizer.im_end)
    writer.add_pad_token_id(tokenizer.end_of_text)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def tensor_name(name: str) -> str:
    """Return llama.cpp's name for one of our parameters."""
    if name.startswith("embedding"):
        return "token_embd.weight"
    if name.startswith("norm."):
        return "output_norm.weight"
    _, index, part, kind = name.split(".")
    return f"blk.{index}.{BLOCK_NAMES[part]}.{kind}"


def export(network: Nano, tokenizer: Tokenizer, path: Path) -> None:
    """Write the GGUF beside its place and move it there at once."""
    partial = path.with_name(path.name + ".partial")
    writer = gguf.GGUFWriter(partial, "qwen2")
    describe(writer, network.shape)
    add_tokenizer(writer, tokenizer)
    for name, parameter in network.named_parameters():
        values = parameter.detach().to(torch.float32).numpy()
        writer.add_tensor(tensor_name(name), values.astype(np.float16) if values.ndim == 2 else values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.replace(path)


def record(path: Path) -> None:
    """Write the file's hash beside it, which `marco models verify` checks it against."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    size = path.stat().st_size
    write_record(path, Record(repo="bundled", revision="", commit="", file=path.name, size=size, sha256=digest))


def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder with nano.pt and tokenizer.json")
    parser.add_argument("gguf", type=Path)
    options = parser.parse_args()
    tokenizer = Tokenizer.load(options.run / "tokenizer.json")
    export(load(options.run / "nano.pt"), tokenizer, options.gguf)
    record(options.gguf)
    print(f"{options.gguf}: {options.gguf.stat().st_size} bytes")


if __name__ == "__main__":
    main()
