"""The Qwen2 architecture at nano size: grouped-query attention with QKV bias, SwiGLU, RMSNorm, rotary positions, tied embedding."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes of the network; `context` is the longest input that the GGUF declares."""

    vocabulary: int = 1024
    width: int = 192
    layers: int = 6
    heads: int = 6
    kv_heads: int = 2
    feed_forward: int = 512
    context: int = 1024
    rope_base: float = 10_000.0
    epsilon: float = 1e-6

    @property
    def head(self) -> int:
        """Return the width of one attention head."""
        return self.width // self.heads


class Norm(nn.Module):
    """Root-mean-square normalisation with a learnt gain."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last dimension in float32."""
        y = x.float()
        y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + self.epsilon)
        return (y * self.weight).to(x.dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate halves of each head (the NeoX order, as Qwen2 and llama.cpp's qwen2 have it); x is [B, H, T, D]."""
    left, right = x.chunk(2, -1)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), -1).to(x.dtype)


class Block(nn.Module):
    """One layer: attention and feed-forward, each on a normalised residual stream."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        kv = shape.kv_heads * shape.head
        self.norm_attention = Norm(shape.width, shape.epsilon)
        self.query = nn.Linear(shape.width, shape.width)
        self.key = nn.Linear(shape.width, kv)
        self.value = nn.Linear(shape.width, kv)
        self.out = nn.Linear(shape.width, shape.width, bias=False)
        self.norm_feed = Norm(shape.width, shape.epsilon)
        self.gate = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.up = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.down = nn.Linear(shape.feed_forward, shape.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Map [B, T, width] to the same shape; causal."""
        batch, length, _ = x.shape
        y = self.norm_attention(x)
        split = (batch, length, -1, self.shape.head)
        query = rotate(self.query(y).view(split).transpose(1, 2), cos, sin)
        key = rotate(self.key(y).view(split).transpose(1, 2), cos, sin)
        value = self.value(y).view(split).transpose(1, 2)
        groups = self.shape.heads // self.shape.kv_heads
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
        attended = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).reshape(batch, length, -1))
        y = self.norm_feed(x)
        fed: Tensor = self.down(functional.silu(self.gate(y)) * self.up(y))
        return x + fed


class Nano(nn.Module):
    """Token ids [B, T] to logits [B, T, vocabulary]."""

    cos: Tensor
    sin: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.width, shape.epsilon)
        steps = torch.arange(0, shape.head, 2) / shape.head
        angles = torch.arange(shape.context)[:, None] * (1.0 / shape.rope_base**steps)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        nn.init.normal_(self.embedding.weight, std=0.03)
        for name, parameter in self.blocks.named_parameters():
            if parameter.ndim == 2:
                scale = (2 * shape.layers) ** -0.5 if ".out." in name or ".down." in name else 1.0
                nn.init.normal_(parameter, std=0.04 * scale)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, ids: Tensor) -> Tensor:
        """Return next-token logits for every position."""
        x = self.embedding(ids)
        cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        for block in self.blocks:
            x = block(x, cos, sin)
        return functional.linear(self.norm(x), self.embedding.weight)
