"""The page of a search is one file that loads nothing and takes no orders from the texts in it."""

import hashlib
import json
import re
from base64 import b64encode
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from search.scripts import answer, lines
from traced import traced

import marco_cli.trace.export
from marco_cli.trace.export.base import plain_captions
from marco_cli.trace.export.page import SCRIPTS, page

PARTS = Path(marco_cli.trace.export.__file__).with_name("html")
EVIL = "</script><script>alert()</script><!-- <style>*{display:none}</style> {{script}} {{style_hash}}"
END = "</script><!--"
MOST_LINES = 250


class Seen(HTMLParser):
    """What a browser makes of a page: elements with their attributes, and the texts of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.blocks: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag in self.blocks:
            self.blocks[tag].append("")

    def handle_data(self, data: str) -> None:
        """Note the text of a block, which has no elements in it."""
        if self.cdata_elem in self.blocks:
            self.blocks[self.cdata_elem][-1] += data

    @property
    def policy(self) -> str:
        """What the page allows itself."""
        return next(
            attributes["content"] or ""
            for tag, attributes in self.elements
            if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
        )


@cache
def hostile() -> Seen:
    """Return the page of a search all of whose texts try to end the block they are in."""
    first = f"<Thought>\n{END}\n"
    script = lines({"": {first: 1.0}, first: {answer(f"x {END}"): 1.0}})
    trace = traced(script, strategy="cot", temperature=0.0, question=f"2+2? {EVIL}")
    return Seen(page(trace, plain_captions(trace)))


def source(name: str) -> str:
    """Return a part of the script without its comments."""
    return re.sub(r"(^|\s)// .*", "", (PARTS / f"{name}.js").read_text(encoding="utf-8"))


def sha256(text: str) -> str:
    """Return a hash as a content security policy names it."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_what_ends_a_script_is_data_in_the_page() -> None:
    """`</script>` in a question, a step or an answer ends nothing: the block reads back with the texts as they were."""
    seen = hostile()
    data, _ = seen.blocks["script"]
    read: dict[str, Any] = json.loads(data)

    assert [tag for tag, _ in seen.elements if tag in ("script", "style")] == ["style", "script", "script"]
    assert read["question"] == f"2+2? {EVIL}"
    assert any("</script>" in (candidate["answer"] or "") for candidate in read["candidates"])
    assert END in "".join(read["strings"][index] for text in read["nodes"]["text"] for index in text)


def test_only_the_pages_own_script_and_style_may_run() -> None:
    """The policy names the hashes of exactly what the page brings along, and forbids everything else, the network too."""
    seen = hostile()
    (style,), (_, script) = seen.blocks["style"], seen.blocks["script"]
    rules = dict(rule.strip().split(" ", 1) for rule in seen.policy.split(";"))

    assert rules == {
        "default-src": "'none'",
        "style-src": sha256(style),
        "script-src": sha256(script),
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_the_page_is_one_file() -> None:
    """Nothing in it points at another: no source, no link, no address in style or script."""
    seen = hostile()
    pointing = {"src", "href", "srcset", "action", "data", "style"}

    assert not [tag for tag, attributes in seen.elements if pointing & set(attributes) or tag in ("link", "iframe")]
    assert not re.search(r"https?:|url\(|@import|\bimport\b|fetch\(|XMLHttpRequest", "".join(map(source, SCRIPTS)))
    assert not re.search(r"https?:|url\(|@import", seen.blocks["style"][0])


def test_the_script_is_its_parts_in_order() -> None:
    """Every part of the script is in the page once, whole, in the order of the table, and no file is left over."""
    _, script = hostile().blocks["script"]
    parts = [(PARTS / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]

    assert {path.stem for path in PARTS.glob("*.js")} == set(SCRIPTS)
    assert script.startswith('"use strict";\n')
    assert [script.count(part) for part in parts] == [1] * len(parts)
    assert sorted(map(script.index, parts)) == list(map(script.index, parts))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_part_of_the_script_knows_only_those_before_it(name: str) -> None:
    """A part is one name, says first what it is, is short, and speaks of no part that comes after it."""
    text = (PARTS / f"{name}.js").read_text(encoding="utf-8")
    later = SCRIPTS[SCRIPTS.index(name) + 1 :]

    assert text.startswith("// ")
    assert text.count("\n") <= MOST_LINES
    assert re.findall(r"^(?:const|let|var|function|class) (\w+)", text, re.MULTILINE) == [name] * (name != SCRIPTS[-1])
    assert not [other for other in later if re.search(rf"(?<![\w.\"'`-]){other}(?=\.\w|;)", source(name))]
