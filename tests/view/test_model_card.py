"""Models as text."""

import io
from pathlib import Path

from small_gguf import write_model

from marco_cli.models import LocatedModel, gguf_header, memory
from marco_cli.view.models import model_card, model_table


def test_a_table_has_a_line_for_each_model(tmp_path: Path) -> None:
    """Columns are aligned, sizes readable, and names that were chosen elsewhere cannot steer the terminal."""
    small, large = tmp_path / "a.gguf", tmp_path / "b.gguf"
    small.write_bytes(b"x" * (1 << 20))
    large.write_bytes(b"x" * (3 << 19))
    rows = [
        LocatedModel(name="a\x1b[31m", path=small, source="path", files=(small,), hashes=(None,)),
        LocatedModel(name="marco-o1:q8_0", path=large, source="catalogue", files=(large,), hashes=(None,)),
    ]

    assert model_table(rows).splitlines() == [
        f"a\\x1b[31m      1.0 MiB  path       {small}",
        f"marco-o1:q8_0  1.5 MiB  catalogue  {large}",
    ]
    assert model_table([]) == ""


def test_a_card_says_what_the_header_says_and_what_it_does_not(tmp_path: Path) -> None:
    """Facts, the estimate with its parts, and the beginning of the template; what is missing is called that."""
    path = write_model(tmp_path / "tiny.gguf")
    header = gguf_header.read(path)
    estimate = memory.memory_estimate(header, ctx=4096, parallel=4)

    lines = model_card(path, header, estimate, ctx=4096, parallel=4).splitlines()

    facts = dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith(" "))
    assert facts["architecture"].strip() == "qwen2"
    assert facts["quantisation"].strip() == "Q8_0"
    assert facts["heads"].strip() == "4, 2 for keys and values"
    assert facts["context"].strip() == "32768 tokens"
    assert "KV cache 1.5 MiB" in facts["memory"]
    assert lines[-1].startswith("  {% for message in messages %}")


def test_a_long_template_is_cut_and_says_so(tmp_path: Path) -> None:
    """Twelve lines are enough for a person; machines read --json."""
    header = gguf_header.read(write_model(tmp_path / "tiny.gguf", template="line\n" * 100))
    card = io.StringIO(
        model_card(Path("m"), header, memory.memory_estimate(header, ctx=1, parallel=1), ctx=1, parallel=1)
    )

    assert card.getvalue().count("  line") == 12
    assert card.getvalue().endswith("… 88 more lines, all in --json")
