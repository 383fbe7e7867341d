"""How much a model needs, and which quantisation fits."""

import pytest
from tables import table

from marco_cli.errors import ModelNotFoundError
from marco_cli.models import memory
from marco_cli.models.gguf_header import Header
from marco_cli.models.memory import GIB

# Sizes of the Marco-o1 files, rounded, in bytes; the ones outside PROPOSED must never be chosen.
MARCO = {
    name: int(size * 1e9)
    for name, size in {
        "IQ2_M": 2.78, "Q2_K": 3.02, "Q3_K_M": 3.81, "Q4_0_4_8": 4.43, "Q4_K_M": 4.68, "Q5_K_M": 5.44,
        "Q6_K": 6.25, "Q8_0": 8.10, "F16": 15.2, "F32": 30.5,
    }.items()
}  # fmt: skip


def qwen2_7b() -> Header:
    """Return the header of Marco-o1's architecture."""
    return Header(
        version=3, architecture="qwen2", name="Marco o1", quantisation="Q4_K_M", parameters=7_615_616_512,
        context_length=32768, vocab_size=152064, embedding_length=3584, feed_forward_length=18944, num_layers=28,
        num_heads=28, num_kv_heads=4, kv_values_per_token=28 * 4 * 256, chat_template=None, tensor_count=339,
        tensor_bytes=4_677_120_000, file_size=4_683_073_000, split_count=1,
    )  # fmt: skip


def test_the_cache_of_marco_o1_costs_56_kib_a_token() -> None:
    """28 layers x 4 heads x (128 + 128) numbers x 2 bytes, as llama.cpp reports it: 448 MiB for 8192 cells."""
    estimate = memory.memory_estimate(qwen2_7b(), ctx=8192, parallel=8)

    assert estimate.kv_cache == 8192 * 57_344 == 448 << 20
    assert estimate.outputs == 8 * 152064 * 4
    assert estimate.weights == 4_677_120_000
    assert estimate.total == estimate.weights + estimate.kv_cache + estimate.compute + estimate.outputs


def test_the_unified_cache_is_shared_by_all_sequences() -> None:
    """Twice the sequences cost twice the rows of logits and no more cache."""
    one = memory.memory_estimate(qwen2_7b(), ctx=4096, parallel=1)
    two = memory.memory_estimate(qwen2_7b(), ctx=4096, parallel=2)

    assert two.kv_cache == one.kv_cache
    assert two.total - one.total == 152064 * 4


@table(
    [(64, "Q8_0"), (12, "Q8_0"), (11, "Q6_K"), (10, "Q6_K"), (9, "Q5_K_M"), (8, "Q4_K_M"), (7, "Q3_K_M"), (6, "Q2_K")]
)
def test_the_largest_that_leaves_room_is_chosen_and_says_why(gigabytes: int, quantisation: str) -> None:
    """Never more than eight bits, never a format that llama.cpp dropped, and the reason has all the numbers."""
    chosen, reason = memory.choose(MARCO, gigabytes * GIB, "Q4_K_M")

    size = MARCO[quantisation]
    assert chosen == quantisation
    assert reason.startswith("the largest that fits")
    assert memory.gib(size) in reason
    assert memory.gib(gigabytes * GIB) in reason
    assert memory.needed(size) <= gigabytes * GIB * 0.8


def test_when_nothing_fits_the_smallest_is_chosen_with_a_warning() -> None:
    """An estimate never forbids: it says that it may be slow."""
    chosen, reason = memory.choose(MARCO, 2 * GIB, "Q4_K_M")

    assert chosen == "Q2_K"
    assert "may be slow" in reason


def test_with_unknown_memory_the_usual_one_is_chosen() -> None:
    """The catalogue's default, or the smallest where that is not offered."""
    assert memory.choose(MARCO, None, "Q4_K_M")[0] == "Q4_K_M"
    assert memory.choose(MARCO, None, "Q5_K_S")[0] == "Q2_K"


def test_a_repository_without_usual_quantisations_says_what_it_has() -> None:
    """Nothing is chosen that the user did not name."""
    with pytest.raises(ModelNotFoundError, match="only iq2_m, f32"):
        memory.choose({name: MARCO[name] for name in ("IQ2_M", "F32")}, 64 * GIB, "Q4_K_M")


def test_this_machine_has_memory() -> None:
    """The number is that of the machine or of its container, in bytes."""
    total = memory.total()

    assert total is not None
    assert total > 64 << 20
