"""The header reader against files of the reference writer, and against files that lie."""

import struct
import time
import tracemalloc
from pathlib import Path

import gguf
import pytest
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType, LlamaFileType
from small_gguf import TEMPLATE, mutate, write_model

from marco_cli.errors import EngineError, ModelNotFoundError, StorageError
from marco_cli.models import gguf_header


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the small model as the reference writer wrote it."""
    return write_model(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def test_a_header_says_what_the_reference_writer_was_told(model: Path) -> None:
    """Every field is read from the file, none is guessed."""
    header = gguf_header.read(model)

    assert header.architecture == "qwen2"
    assert header.name == "Tiny 小"
    assert header.quantisation == "Q8_0"
    assert header.parameters == 500 * 64 + 64 * 64
    assert header.tensor_count == 2
    assert header.tensor_bytes == 500 * 64 * 4 + 64 * 68
    assert (header.context_length, header.embedding_length, header.feed_forward_length) == (32768, 64, 128)
    assert (header.num_layers, header.num_heads, header.num_kv_heads) == (3, 4, 2)
    assert header.kv_values_per_token == 3 * 2 * (16 + 16)
    assert header.vocab_size == 500
    assert header.chat_template == TEMPLATE
    assert header.split_count == 1
    assert header.file_size == model.stat().st_size
    assert header.version == 3


def test_key_and_value_lengths_of_the_file_win_over_the_quotient(tmp_path: Path) -> None:
    """Some models have heads that are wider than embedding / heads."""
    changes = {"qwen2.attention.key_length": 32, "qwen2.attention.value_length": 8}

    header = gguf_header.read(write_model(tmp_path / "wide.gguf", extra=changes))

    assert header.kv_values_per_token == 3 * 2 * (32 + 8)


def test_kv_heads_may_differ_from_layer_to_layer(tmp_path: Path) -> None:
    """A per-layer list is summed instead of multiplied."""
    writer = gguf.GGUFWriter(tmp_path / "layers.gguf", "deci")
    writer.add_block_count(3)
    writer.add_embedding_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv([4, 0, 1])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    header = gguf_header.read(tmp_path / "layers.gguf")

    assert header.kv_values_per_token == (4 + 0 + 1) * (16 + 16)
    assert header.num_kv_heads == 4


def test_every_tensor_type_has_the_size_of_the_reference() -> None:
    """The table of block sizes agrees with the format's own, so that truncation is noticed for every quantisation."""
    reference = {int(kind): sizes for kind, sizes in GGML_QUANT_SIZES.items()}
    # The reference's Q8_1 is the layout before 2024; it only exists in memory, and ggml itself says 36 bytes.
    reference[int(GGMLQuantizationType.Q8_1)] = (32, 36)

    assert dict(gguf_header._BLOCKS) == reference


def test_every_file_type_has_the_name_of_the_reference() -> None:
    """The names of quantisations are those that the format's own table has."""
    reference = {int(kind): kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in LlamaFileType}
    del reference[int(LlamaFileType.GUESSED)]

    assert dict(gguf_header._FILE_TYPES) == reference


def test_a_large_vocabulary_is_read_in_well_under_a_second(tmp_path: Path) -> None:
    """Marco-o1 has 151 665 tokens and as many merges; a list of models must not take seconds."""
    writer = gguf.GGUFWriter(tmp_path / "large.gguf", "qwen2")
    writer.add_token_list([f"t{number}" for number in range(152_000)])
    writer.add_token_merges([f"a {number}" for number in range(152_000)])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    started = time.thread_time()

    assert gguf_header.read(tmp_path / "large.gguf").vocab_size == 152_000
    assert time.thread_time() - started < 1.0


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.3, 0.9, 0.99999])
def test_a_truncated_file_is_an_error_wherever_it_ends(model: Path, tmp_path: Path, share: float) -> None:
    """Half a download never passes for a model: even one missing byte of the last tensor is noticed."""
    data = model.read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(data[: int(len(data) * share)])

    with pytest.raises(EngineError) as caught:
        gguf_header.read(cut)

    assert caught.value.exit_code == 5
    assert "marco models" in (caught.value.hint or "")


def read_or_refusal(path: Path) -> gguf_header.Header | EngineError:
    """Return the header or the one kind of error that a damaged file may cause."""
    try:
        return gguf_header.read(path)
    except EngineError as error:
        return error


@pytest.mark.parametrize("seed", range(200))
def test_a_mutated_header_is_a_clean_answer(model: Path, tmp_path: Path, seed: int) -> None:
    """Bit flips, absurd counts, cuts, noise: a header or an EngineError, in little time and little memory."""
    file = tmp_path / "mutated.gguf"
    file.write_bytes(mutate(model.read_bytes(), seed))
    tracemalloc.start()
    started = time.thread_time()
    outcome = read_or_refusal(file)
    seconds, peak = time.thread_time() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    if isinstance(outcome, EngineError):
        assert outcome.hint
        assert "\n" not in outcome.message
    else:
        assert outcome.file_size == file.stat().st_size
    assert seconds < 1.0
    assert peak < 8 << 20


@pytest.mark.parametrize("key_type", [8, 9, 4, 77])
def test_counts_that_cannot_be_true_cost_nothing(tmp_path: Path, key_type: int) -> None:
    """A file of a hundred bytes that claims 2^60 items is refused by arithmetic, not by running out of memory."""
    key = b"a.b"
    head = struct.pack("<4sIQQQ", b"GGUF", 3, 0, 1, len(key)) + key + struct.pack("<I", key_type)
    file = tmp_path / "claims.gguf"
    file.write_bytes(head + struct.pack("<IQ", 8, 2**60) + bytes(40))

    with pytest.raises(EngineError):
        gguf_header.read(file)


def test_files_of_other_kinds_are_named(tmp_path: Path) -> None:
    """The message says what was found and what was expected."""
    html = tmp_path / "page.gguf"
    html.write_bytes(b"<html>not here</html>")
    old = tmp_path / "old.gguf"
    old.write_bytes(struct.pack("<4sIQQ", b"GGUF", 1, 0, 0))
    big = tmp_path / "big.gguf"
    big.write_bytes(struct.pack(">4sIQQ", b"GGUF", 3, 0, 0))

    with pytest.raises(EngineError, match=r"begins with b'<htm', expected b'GGUF'"):
        gguf_header.read(html)
    with pytest.raises(EngineError, match="version 1, expected 2 or 3"):
        gguf_header.read(old)
    with pytest.raises(EngineError, match="big-endian"):
        gguf_header.read(big)


def test_what_is_no_file_is_told_apart(tmp_path: Path) -> None:
    """A missing file and an unreadable one have different remedies."""
    with pytest.raises(ModelNotFoundError, match="no file at"):
        gguf_header.read(tmp_path / "absent.gguf")
    with pytest.raises(StorageError, match="cannot read"):
        gguf_header.read(tmp_path)
