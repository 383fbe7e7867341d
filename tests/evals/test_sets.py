import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import fake_hub
import pytest
from fake_hub import FakeHub

from marco_cli.errors import ConfigError, InputError, MarcoError, NetworkError
from marco_cli.evals import DATASETS, SCORERS
from marco_cli.evals.base import DataSet, Selection
from marco_cli.evals.scoring import grade
from marco_cli.evals.selection import load_items

MGSM = {
    "en": "A robe takes 2 bolts. How many?\t3\nHow much profit?\t70,000\nHow many sheep?\t260\n",
    "zh": "需要多少匹布料？\t3\n他赚了多少利润？\t70,000\n有多少只羊？\t260\n",
}


@pytest.fixture
def mgsm(tmp_path: Path) -> Path:
    """Return a directory as MGSM is distributed."""
    for lang, text in MGSM.items():
        (tmp_path / f"mgsm_{lang}.tsv").write_text(text, encoding="utf-8")
    return tmp_path


def refused(name: str, **selection: object) -> MarcoError:
    """Load a data set that must be refused and return the error."""
    with pytest.raises(MarcoError) as caught:
        load_items(name, Selection(**selection))  # type: ignore[arg-type]
    assert "\n" not in caught.value.message
    return caught.value


def test_every_language_of_mgsm_is_read(mgsm: Path) -> None:
    """Question and target of each row, thousands and all; ids count through."""
    found = load_items("mgsm", Selection(langs=("en", "zh"), data=mgsm))

    assert [item.id for item in found.items] == [f"mgsm-{lang}-00{n}" for lang in ("en", "zh") for n in (1, 2, 3)]
    assert [item.target for item in found.items[:3]] == ["3", "70,000", "260"]
    assert all(item.scorer == "number" for item in found.items)


def test_a_targets_own_text_is_a_right_answer(mgsm: Path) -> None:
    """Whoever answers with the target is right: every target can be parsed."""
    found = load_items("mgsm", Selection(langs=("en", "zh"), data=mgsm))

    assert all(grade(f"The answer is {item.target}.", item).verdict == "right" for item in found.items)


def test_a_limit_leaves_the_same_problems_in_every_language(mgsm: Path) -> None:
    """Languages stay comparable: problem n is asked in all of them or in none, and the draw seed decides which."""
    found = load_items("mgsm", Selection(langs=("en", "zh"), data=mgsm, limit=2))
    numbers = {lang: [item.id[-3:] for item in found.items if item.lang == lang] for lang in ("en", "zh")}

    assert numbers["en"] == numbers["zh"]
    assert len(numbers["en"]) == 2
    again = load_items("mgsm", Selection(langs=("en", "zh"), data=mgsm, limit=2))
    assert again == found


def test_swapped_columns_are_noticed(tmp_path: Path) -> None:
    """A file with the answer first is refused with line and remedy, not scored as 0 %."""
    (tmp_path / "mgsm_en.tsv").write_text("3\tA robe takes 2 bolts.\n", encoding="utf-8")

    error = refused("mgsm", data=tmp_path)
    assert isinstance(error, InputError)
    assert "mgsm_en.tsv line 1: the target is 'A robe takes 2 bolts.', expected a number" in error.message
    assert "column order" in (error.hint or "")


def test_columns_with_names_may_stand_in_any_order(tmp_path: Path) -> None:
    """A header is understood."""
    file = tmp_path / "mine.tsv"
    file.write_text("answer\tid\tquestion\n3\tx\tA robe takes 2 bolts.\n", encoding="utf-8")

    (item,) = load_items("mgsm", Selection(data=file)).items
    assert (item.question, item.target) == ("A robe takes 2 bolts.", "3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A robe takes 2 bolts. 3\n", "1 column"),
        ("A robe?\tmany\n", "expected a number"),
        ("A robe?\t\n", "the target is empty"),
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, text: str, message: str) -> None:
    """One line: file, line, what was found, what was expected."""
    (tmp_path / "mgsm_en.tsv").write_text(text, encoding="utf-8")

    error = refused("mgsm", data=tmp_path)
    assert "mgsm_en.tsv line 1" in error.message
    assert message in error.message
    assert error.exit_code == 6


@pytest.mark.parametrize(("name", "near"), [("mgms", "mgsm"), ("gsm8", "gsm8k"), ("Nano", "nano")])
def test_an_unknown_data_set_is_refused_with_the_nearest(name: str, near: str) -> None:
    """A slip of the pen costs one line."""
    error = refused(name)

    assert error.exit_code == 2
    assert error.hint == f"did you mean {near}?"


def test_other_wrong_selections_say_what_is_possible(mgsm: Path) -> None:
    """Languages, scorers, files: each refusal names the choices or the flag."""
    assert "expected some of bn, de, en" in refused("mgsm", langs=("xx",), data=mgsm).message
    assert refused("nano", scorer="exakt").hint == "did you mean exact?"
    assert refused("mgsm", data=mgsm / "absent").exit_code == 6
    assert "one file" in refused("mgsm", langs=("en", "zh"), data=mgsm / "mgsm_en.tsv").message
    assert "--data" in (refused("jsonl").hint or "")
    assert "en, zh" in (refused("nano", langs=("fr",)).hint or "")


def test_a_language_that_a_scorer_does_not_know_is_refused_at_once(tmp_path: Path) -> None:
    """The published rule is there for English and Chinese; another language ends before a model is loaded."""
    (tmp_path / "mgsm_sw.tsv").write_text("Ngapi?\t3\n", encoding="utf-8")

    error = refused("mgsm", langs=("sw",), data=tmp_path, scorer="simple-evals")
    assert "expected one of en, zh" in error.message
    assert error.exit_code == 2


def test_gsm8k_takes_what_follows_the_marks(tmp_path: Path) -> None:
    """The target stands after ####, thousands and all."""
    row = {"question": "How much?", "answer": "He saves 3 * 400 = 1200.\n#### 1,200"}
    (tmp_path / "test.jsonl").write_text(json.dumps(row) + "\n\n", encoding="utf-8")

    (item,) = load_items("gsm8k", Selection(data=tmp_path)).items
    assert item.target == "1,200"
    assert grade("It is $1200.", item).verdict == "right"


def test_gsm8k_is_read_from_parquet(tmp_path: Path) -> None:
    """The hub's format, where pyarrow is installed."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "test-00000-of-00001.parquet"
    parquet.write_table(pyarrow.table({"question": ["How much?"], "answer": ["#### 7"]}), file)

    (item,) = load_items("gsm8k", Selection(data=file)).items
    assert item.target == "7"


def test_math500_is_grouped_by_level(tmp_path: Path) -> None:
    """Problem, LaTeX answer and level."""
    row = {"problem": "Convert.", "answer": "\\left( 3, \\frac{\\pi}{2} \\right)", "level": 2, "subject": "Precalculus"}
    (tmp_path / "test.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")

    (item,) = load_items("math500", Selection(data=tmp_path)).items
    assert (item.group, item.scorer) == ("level 2", "math")


def test_own_files_need_a_question_and_a_target(tmp_path: Path) -> None:
    """Field names of other programs are understood, numbers are targets too, and each row may have its own scorer."""
    file = tmp_path / "mine.jsonl"
    rows = [{"prompt": "2+2?", "answer": 4, "scorer": "number"}, {"id": "b", "question": "Capital?", "target": "Paris"}]
    file.write_text("\ufeff" + "\r\n".join(json.dumps(row) for row in rows), encoding="utf-8")

    first, second = load_items("jsonl", Selection(data=file)).items
    assert (first.id, first.target, first.scorer) == ("line-1", "4", "number")
    assert (second.id, second.target, second.scorer) == ("b", "Paris", "exact")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{not json", "line 1: not JSON"),
        ("[1]", "line 1: a list, expected a JSON object"),
        ('{"question": "?"}', "line 1: no text field target or answer, has: question"),
        ('{"question": "?", "target": "x", "scorer": "nummer"}', "line 1: scorer is 'nummer'"),
        ('{"question": "?", "target": "many", "scorer": "number"}', "line 1: the target is 'many'"),
        ('{"id": 1, "question": "?", "target": "x"}\n{"id": 1, "question": "?", "target": "y"}', "'1' occurs twice"),
    ],
)
def test_a_malformed_line_of_an_own_file_is_named(tmp_path: Path, line: str, message: str) -> None:
    """File, line and fault in one line, exit 6."""
    file = tmp_path / "mine.jsonl"
    file.write_text(line + "\n", encoding="utf-8")

    error = refused("jsonl", data=file)
    assert message in error.message
    assert error.exit_code == 6


def test_letters_count_themselves() -> None:
    """Generated items are right by construction, differ, and are the same for the same seed."""
    found = load_items("letters", Selection(langs=("en", "zh"), limit=50, draw=3))

    assert len(found.items) == 100
    for item in found.items:
        word, letter = item.id.split("-")[2:]
        assert item.target == str(word.count(letter))
        assert word in item.question
    assert found == load_items("letters", Selection(langs=("en", "zh"), limit=50, draw=3))
    assert found != load_items("letters", Selection(langs=("en", "zh"), limit=50, draw=4))


def test_the_bundled_sets_are_whole() -> None:
    """600 held-out problems and 40 pairs of slang come with the package."""
    assert len(load_items("nano", Selection()).items) == 600
    pytest.importorskip("sacrebleu")
    assert len(load_items("translate", Selection()).items) == 40


@pytest.mark.parametrize("name", [name for name in DATASETS if name in ("nano", "letters")])
def test_sets_without_files_of_the_users_load_at_once(name: str) -> None:
    """Every entry of the table gives items with known scorers."""
    found = load_items(name, Selection(limit=3))

    assert isinstance(found, DataSet)
    assert len(found.items) == 3
    assert all(item.scorer in SCORERS for item in found.items)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    """Return a hub that has the data sets, and a user without a cache."""
    with fake_hub.running() as running:
        running.repos["juletxara/mgsm"] = {f"mgsm_{lang}.tsv": text.encode() for lang, text in MGSM.items()}
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
        monkeypatch.setenv("HF_TOKEN", fake_hub.TOKEN)
        for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        yield running


def test_nothing_is_fetched_without_being_asked(hub: FakeHub) -> None:
    """A data set that is not here costs one line that names --fetch and --data, and no request."""
    error = refused("mgsm")

    assert "--fetch" in (error.hint or "")
    assert "--data" in (error.hint or "")
    assert hub.requests == []


def test_a_fetched_set_is_there_from_then_on(hub: FakeHub) -> None:
    """With --fetch it comes through the hub; the next run finds it in the cache and asks nobody."""
    fetched = load_items("mgsm", Selection(langs=("zh",), may_fetch=True))
    asked = len(hub.requests)
    cached = load_items("mgsm", Selection(langs=("zh",)))

    assert asked > 0
    assert fetched == cached
    assert len(hub.requests) == asked
    assert [item.target for item in cached.items] == ["3", "70,000", "260"]


def test_offline_mode_is_final(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """HF_HUB_OFFLINE forbids even what --fetch asks for."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    error = refused("mgsm", may_fetch=True)
    assert isinstance(error, NetworkError)
    assert hub.requests == []


def test_a_hub_without_the_file_is_a_network_error(hub: FakeHub) -> None:
    """404, and nobody there: exit 8, the remedy named, no token told."""
    hub.repos["juletxara/mgsm"].clear()

    error = refused("mgsm", may_fetch=True)
    assert error.exit_code == 8
    assert "mgsm_en.tsv" in error.message
    assert "--data" in (error.hint or "")
    assert fake_hub.TOKEN not in f"{error.message} {error.hint}"


def test_an_unreachable_hub_is_a_network_error(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: exit 8 and the remedy, after the client's own retries."""
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    hub.close()

    error = refused("mgsm", may_fetch=True)
    assert error.exit_code == 8
    assert "could not be reached" in error.message


def test_translations_need_their_scorer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without sacrebleu the set is refused before a model is loaded, with the line that installs it."""
    monkeypatch.setattr("marco_cli.evals.translation.find_spec", lambda _: None)

    error = refused("translate")
    assert isinstance(error, ConfigError)
    assert "marco-cli[eval]" in (error.hint or "")


@pytest.mark.parametrize("field", ["target", "answer"])
def test_a_row_may_have_several_right_targets(tmp_path: Path, field: str) -> None:
    """Any of them is right, with any scorer; each must be one that an answer could meet."""
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps({"question": "?", field: [4, "a few"]}) + "\n", encoding="utf-8")
    [item] = load_items("jsonl", Selection(data=file)).items
    verdicts = [grade(text, item).verdict for text in ("The answer is 4.", "a few", "The answer is 5.")]

    assert verdicts == ["right", "right", "wrong"]
    assert "line 1: the target is 'a few', expected a number" in refused("jsonl", data=file, scorer="number").message
    file.write_text(json.dumps({"question": "?", field: []}) + "\n", encoding="utf-8")
    assert "line 1" in refused("jsonl", data=file).message


def test_null_fields_count_as_absent(tmp_path: Path) -> None:
    """A row whose optional fields are null is read as one without them."""
    file = tmp_path / "mine.jsonl"
    bare = {"question": "2+2?", "target": "4"}
    empty = dict.fromkeys(("id", "scorer", "lang", "group", "references"))
    file.write_text(json.dumps(bare | empty) + "\n", encoding="utf-8")
    [item] = load_items("jsonl", Selection(data=file)).items

    assert (item.id, item.scorer, item.lang, item.group, item.references) == ("line-1", "exact", "", "", ())


@pytest.mark.parametrize("name", ["mine.jsonl.gz", "mine.parquet"])
@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_file_is_one_clear_line(tmp_path: Path, name: str, damage: str) -> None:
    """A compressed file or a Parquet file that is cut or changed in the middle is named, and nothing of it is used."""
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    file = tmp_path / name
    rows = [{"question": f"{number}+1?", "target": str(number + 1)} for number in range(200)]
    if name.endswith(".gz"):
        file.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    else:
        parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2] if damage == "cut" else data[:20] + b"\xff" * 40 + data[60:])

    assert f"cannot read {file}" in refused("jsonl", data=file).message
