import re
from html.parser import HTMLParser

import pytest
from evals.examples import ITEMS, ask_rows, outcome

from marco_cli.evals.report import About, Report, build_report
from marco_cli.view.eval_page import page

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
    """Every element is closed, every id is its own, every address points into the page, and there is no script."""
    text = page(searched)
    checker = checked(text)

    assert len(checker.ids) == len(set(checker.ids))
    assert all(address.startswith("#") and address[1:] in checker.ids for address in checker.addresses)
    assert not checker.tags & {"script", "link", "img", "iframe"}
    assert "default-src 'none'" in text
    # Names of XML vocabularies are no addresses that are fetched.
    assert set(re.findall(r'https?://[^\s"<]+', text)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_plots_are_drawn_in_the_pages_colours(searched: Report) -> None:
    """The same drawing serves light and dark: no colour of its own is left."""
    pytest.importorskip("matplotlib")
    drawings = re.findall(r"<svg.*?</svg>", page(searched), re.DOTALL)

    assert len(drawings) >= 4
    for drawing in drawings:
        assert "var(--ink)" in drawing or "var(--muted)" in drawing
        assert not re.search(r"#(?:0[1-9]0|0a0b)", drawing)
        assert not re.search(r"<svg[^>]*\b(?:width|height)=", drawing)


def test_the_page_is_the_same_every_time(searched: Report) -> None:
    """No date, no random id: equal reports give equal pages."""
    assert page(searched) == page(searched)


def test_without_matplotlib_the_page_says_how_to_get_plots(searched: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named; everything else is there."""
    monkeypatch.setattr("marco_cli.view.eval_plots.find_spec", lambda _: None)
    text = page(searched)

    checked(text)
    assert "marco-cli[report]" in text
    assert "<svg" not in text
    assert "Results" in text


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
    nasty = "<script>alert(1)</script>\x1b[2J&"
    row = outcome(ITEMS[0], [nasty], variant=f"v{nasty}")
    text = page(build_report([row], About(dataset=nasty, source=nasty, model=nasty)))

    assert "<script" not in text
    assert "\x1b" not in text
    assert "&lt;script&gt;" in text
    checked(text)


def test_one_variant_and_no_answers_still_make_a_page() -> None:
    """Nothing right, nothing to compare, nothing to calibrate: a page without those parts."""
    text = page(build_report([outcome(ITEMS[0], [])], ABOUT))

    checked(text)
    assert "not one reply has an answer" in text
