"""What the llama.cpp engine chooses where nothing is asked for, and why. The figures are from benchmarks/README.md."""

from marco_cli.engine.hardware import available_memory, physical_cores

MAX_CELLS = 16_384
"""KV cells: eight chains of 2 048 tokens, 0.9 GB on a Qwen2-7B."""

KV_SHARE = 0.4
"""Share of the available memory that the KV memory may take, of a machine or of a GPU.

What is left of a GPU's memory once the weights lie in it must also hold the graph: for 512 rows of logits over 152 064 tokens,
0.3 GB alone.
"""

MAX_NUM_SEQS = 16
"""Requests decoded together: on CPUs the gain flattens out there."""

SMALL_MODEL = 50_000_000
"""Parameters below which one thread is enough, and attention is plain wherever it is computed on a CPU.

Threads meet after every node of the graph, some hundred times a token. A model this small decodes more than a hundred
tokens a second on one core, so there is little to win; and as soon as another process takes one of the cores, each
meeting waits for the scheduler (0.1 M parameters beside a busy process: 1 564 tokens/s with one thread, 51 with two).

In a memory without streams, flash attention passes over the cells of other sequences, where plain attention pays for every cell
in use; but on CPUs it adds up in 16 bits, and a token then depends on where its prefix lies: logits of a fork are 1e-3 off those
of a fresh evaluation instead of 1e-6. Larger models gain; small ones stay reproducible. In streams attention is plain for all.
"""

CPU_BATCH = 128
GPU_BATCH = 512
"""Rows of one decode call. CPUs read prompts no faster with more, but a call would last longer and need more memory."""

IDLE_SHARE = 0.5
"""How much dearer idle prefixes may make a token, as a share of what the weights cost.

marco-nano, four searches of 1 600 tokens at once: 1.0 at this share, 0.95 at a quarter (more is evaluated again), 0.83 at
1, 0.44 without a limit; only models below a billion parameters meet it.
"""

UNQUANTISED = ("0", "1", "32")
"""`general.file_type` of F32, F16 and BF16.

On CPUs one row of such weights is multiplied by another kernel than several rows, and the last bits differ: a token
decoded alone was up to 6e-3 off the same token in a batch, enough to change what is sampled (random F16 model of 5 M
parameters). With a filler row beside every single one the difference is exactly 0, as it is for Q8_0 and Q4_0.
"""

BLOCKED = ("2", "14", "15", "25")
"""`general.file_type` of Q4_0, Q4_K and IQ4_NL, which llama.cpp packs anew on loading, for `fillers.BLOCK` rows at once."""


def num_threads(num_parameters: int) -> int:
    """Return the threads for a model of this size."""
    return 1 if num_parameters < SMALL_MODEL else physical_cores()


def num_cells(train_context: int, cell_bytes: int, *, gpu_share: float = 0.0, gpu_memory: int | None = None) -> int:
    """Return the cells that let each request have what the model was trained on, within the memory at hand.

    A cell's keys and values lie where their layers do: `gpu_share` of its bytes on GPUs with `gpu_memory` bytes free beside the
    weights, unless that is unknown.
    """
    share = 0.0 if gpu_memory is None else gpu_share
    rooms = ((available_memory(), 1 - share), (gpu_memory, share))
    limits = (int(room * KV_SHARE / (cell_bytes * part)) for room, part in rooms if room is not None and part)
    return max(512, min(train_context * MAX_NUM_SEQS, MAX_CELLS, *limits))


def num_idle_cells(num_parameters: int, attention_width: int) -> int:
    """Return the KV cells that idle prefixes may keep; `attention_width` is layers x embedding length.

    llama.cpp attends over all cells in use, of any sequence: 4 x `attention_width` operations a cell and token, beside
    the 2 x `num_parameters` of the weights. Idle cells may cost `IDLE_SHARE` of what the weights do.
    """
    return int(IDLE_SHARE * num_parameters / (2 * attention_width))
