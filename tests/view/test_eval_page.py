import hashlib
import json
import re
from base64 import b64encode
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from evals.examples import ITEMS, ask_rows, outcome

from marco_cli.errors import InputError
from marco_cli.evals.outcome import failed
from marco_cli.evals.report import About, Report, build_report
from marco_cli.view.eval_page import page
from marco_cli.view.eval_problems import LONGEST

ABOUT = About(dataset="sums", source="test", model="scripted")
VOID = {"meta", "br", "hr", "img", "input", "link", "path", "use", "rect", "circle"}


class Checker(HTMLParser):
    """Notes what is open, and every id and address."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href"):
                self.addresses.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open and close one."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last."""
        if tag not in VOID:
            assert self.open.pop() == tag


def checked(text: str) -> Checker:
    """Parse a page to its end."""
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    return checker


@pytest.fixture(scope="module")
def searched() -> Report:
    """Return the report of a small search with its trees."""
    return build_report(ask_rows("cot", "vote@4+certainty=1", "mcts@6"), ABOUT)


def test_the_page_is_whole_and_needs_no_network(searched: Report) -> None:
    """Every element is closed, every id is its own, every address points into the page, and nothing is fetched."""
    text = page(searched)
    checker = checked(text)

    assert len(checker.ids) == len(set(checker.ids))
    assert all(address.startswith("#") and address[1:] in checker.ids for address in checker.addresses)
    assert not checker.tags & {"link", "img", "iframe"}
    assert "default-src 'none'" in text
    # Names of XML vocabularies are not addresses that are fetched.
    assert set(re.findall(r'https?://[^\s"<]+', text)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_only_the_pages_own_script_may_run(searched: Report) -> None:
    """The policy names the hash of the one script; the data beside it is not a script to a browser."""
    text = page(searched)
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL)
    digest = b64encode(hashlib.sha256(scripts[1][1].encode()).digest()).decode()

    assert [kind for kind, _ in scripts] == [' type="application/json" id="data"', ""]
    assert f"script-src 'sha256-{digest}'\"" in text


def test_plots_are_drawn_in_the_pages_colours(searched: Report) -> None:
    """The same drawing serves light and dark: every colour is one of the page's."""
    drawings = re.findall(r"<svg.*?</svg>", page(searched), re.DOTALL)

    assert len(drawings) >= 4
    for drawing in drawings:
        assert set(re.findall(r'(?:fill|stroke)="([^"]*)"', drawing)) <= {
            "none", "var(--muted)", "var(--rule)", *(f"var(--s{n})" for n in range(1, 9)),
        }  # fmt: skip
        assert not re.search(r"<svg[^>]*\b(?:width|height)=", drawing)


def test_the_page_is_the_same_every_time(searched: Report) -> None:
    """No date, no random id: equal reports give equal pages."""
    assert page(searched) == page(searched)


def data_of(text: str) -> dict[str, Any]:
    """Return what the page's script reads."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def test_every_problem_is_in_the_page_with_every_answer(searched: Report) -> None:
    """Question, target, and for each variant its answers, thought and votes; a variant that was not asked has none."""
    data = data_of(page(searched))

    assert data["variants"] == [variant.label for variant in searched.variants]
    assert [problem["id"] for problem in data["problems"]] == [item.id for item in ITEMS[:2]]
    for problem, item in zip(data["problems"], ITEMS, strict=False):
        assert data["texts"][problem["question"]] == item.question
        assert data["texts"][problem["target"]] == item.target
        for cell, variant in zip(problem["cells"], searched.variants, strict=True):
            row = next(row for row in searched.rows if (row.item.id, row.variant) == (item.id, variant.label))
            assert [each["verdict"] for each in cell] == [row.score.verdict]
            assert data["texts"][cell[0]["text"]] == row.text
            assert data["texts"][cell[0]["thought"]] == (row.chosen.reply.thought if row.chosen else "")
            assert [vote[1] for vote in cell[0]["votes"]] == [round(vote.weight, 4) for vote in row.votes]


def test_seeds_failed_rows_and_gaps_are_told_apart() -> None:
    """Two seeds are two attempts; a row that failed says why; a problem that a variant was not asked is an empty cell."""
    rows = [
        outcome(ITEMS[0], ["3"], variant="a", seed=0),
        outcome(ITEMS[0], ["4"], variant="a", seed=1),
        failed(InputError("too long"), item=ITEMS[0], variant="b", seed=0),
        outcome(ITEMS[1], ["4"], variant="b"),
    ]
    first, second = data_of(page(build_report(rows, ABOUT)))["problems"]

    assert [(each["seed"], each["verdict"]) for each in first["cells"][0]] == [(0, "right"), (1, "wrong")]
    assert (first["cells"][1][0]["verdict"], first["cells"][1][0]["answer"]) == ("failed", "too long")
    assert [len(cell) for cell in second["cells"]] == [0, 1]


@pytest.mark.parametrize(
    ("scorer", "target", "verdict", "answer"),
    [
        ("rubric", "say: seven | 7\nsay: three | 3", "wrong", "50 %: misses say: seven | 7"),
        ("number", "3", "right", "3"),
        ("number", "4", "wrong", "3"),
    ],
)
def test_an_answer_with_a_share_of_what_is_right_shows_it(scorer: str, target: str, verdict: str, answer: str) -> None:
    """A rubric's share stands before what is missed; other answers stand for themselves."""
    row = outcome(replace(ITEMS[0], scorer=scorer, target=target), ["So 3."])
    [problem] = data_of(page(build_report([row], ABOUT)))["problems"]

    assert (problem["cells"][0][0]["verdict"], problem["cells"][0][0]["answer"]) == (verdict, answer)


def test_a_long_text_says_what_is_left_out() -> None:
    """A thought of a megabyte does not make a page of a megabyte a problem."""
    text = page(build_report([outcome(ITEMS[0], ["3 " * LONGEST])], ABOUT))

    assert f"{LONGEST} characters more in rows.jsonl" in text


def test_a_page_of_a_run_under_way_says_so(searched: Report) -> None:
    """How far it has come stands in the header, as text; the finished page has none of it."""
    text = page(searched, state="running: 3/6 <rows>", is_live=True)

    checked(text)
    assert '<p class="live" role="status">running: 3/6 &lt;rows&gt;</p>' in text
    assert data_of(text)["isLive"] is True
    assert data_of(page(searched))["isLive"] is False
    assert 'class="live"' not in page(searched)


def test_a_page_before_the_first_row_is_whole() -> None:
    """What a run under way shows at once: nothing to read yet, and no figure."""
    text = page(build_report([], ABOUT), state="running: 0/6 rows", is_live=True)

    checked(text)
    assert data_of(text)["problems"] == []


def test_failures_come_with_question_vote_and_tree() -> None:
    """A search that found the right answer and chose another shows both, and the thought of its paths."""
    report = build_report([outcome(ITEMS[0], ["9", "3", "3"], confidences=(0.99, 0.5, 0.5), variant="mcts")], ABOUT)
    text = page(report)

    assert "found, not chosen" in text
    assert ITEMS[0].question in text
    assert re.search(r'class="wrong">9', text)
    assert re.search(r'class="right">3', text)


def test_text_of_models_and_users_is_no_markup() -> None:
    """Tags, scripts and control characters in questions, answers and labels are shown as text."""
    nasty = "</script><script>alert(1)</script><!--\x1b[2J&"
    row = outcome(ITEMS[0], [nasty], variant=f"v{nasty}")
    text = page(build_report([row], About(dataset=nasty, source=nasty, model=nasty)))

    assert text.count("<script") == 2
    assert "alert(1)</script>" not in text
    assert "\x1b" not in text
    assert "&lt;script&gt;" in text
    checked(text)


def test_one_variant_and_no_answers_still_make_a_page() -> None:
    """Nothing right, nothing to compare, nothing to calibrate: a page without those parts."""
    text = page(build_report([outcome(ITEMS[0], [])], ABOUT))

    checked(text)
    assert "not one reply has an answer" in text
