r"""How well answers are read and told apart: reference answers in three wordings, and every two that come out as one.

    python benchmarks/answers.py DIR                      # DIR holds math500/, gsm8k/ and mgsm/
    python benchmarks/answers.py DIR --details            # ... and lists what is read differently, and what is merged
    python benchmarks/answers.py DIR --rows rows.jsonl    # ... and what stored rows of `marco eval` are read as by now

A merge is suspicious where the two answers differ in their brackets or signs, or where one of them is a plain number and the
other has several. No model runs; it takes seconds.
"""

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

from marco_cli.answer import Answer, extract, read

WORDINGS = ("The answer is ${}$.", "\\boxed{{{}}}", "<answer>{}</answer>")
NUMBERS = {
    "bn": "উত্তর: {}", "de": "Die Antwort ist {}.", "en": "The answer is {}.", "es": "La respuesta es {}.",
    "fr": "La réponse est {}.", "ja": "答えは{}です。", "ru": "Ответ: {}.", "sw": "Jibu ni {}.", "te": "సమాధానం: {}",
    "th": "คำตอบคือ {}", "zh": "答案是 {}。",
}  # fmt: skip
PLAIN = re.compile(r"-?[0-9]*(?:\.[0-9]+)?|-?\\[dt]?frac\{?-?[0-9]+\}?\{?[0-9]+\}?")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with math500/, gsm8k/ and mgsm/")
    parser.add_argument("--details", action="store_true", help="list what is read differently and what is merged")
    parser.add_argument("--rows", type=Path, help="rows of `marco eval`, whose stored answers are compared")
    arguments = parser.parse_args()
    golds = [row["answer"] for row in rows(arguments.data / "math500" / "test.jsonl")]
    print("| reference answers | number | share |\n|---|---:|---:|")
    report_wordings(golds, arguments.details)
    report_merges(sorted(set(golds)), arguments.details)
    report_numbers(arguments.data)
    if arguments.rows:
        report_rows(arguments.rows)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file of JSON lines."""
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def report_wordings(golds: list[str], details: bool) -> None:  # noqa: FBT001
    """Print how many reference answers are the same answer in all wordings, and the same as the target that they are."""
    split = []
    for gold in golds:
        found = [extract(wording.format(gold)) for wording in WORDINGS]
        keys = {answer.key if answer else None for answer in (*found, read(gold))}
        if len(keys) > 1 or None in keys:
            split.append((gold, keys))
    line("MATH-500, alike in three wordings", len(golds) - len(split), len(golds))
    for gold, keys in split if details else ():
        print("   ", gold, keys)


def report_merges(golds: list[str], details: bool) -> None:  # noqa: FBT001
    """Print how many pairs of different reference answers are one answer, and how many of them suspiciously so."""
    groups: dict[object, list[str]] = defaultdict(list)
    for gold in golds:
        found = read(gold)
        groups[found.key if found else gold].append(gold)
    merged = [pair for group in groups.values() for pair in combinations(group, 2)]
    suspicious = [pair for pair in merged if is_suspicious(*pair)]
    pairs = len(golds) * (len(golds) - 1) // 2
    line("MATH-500, pairs of different spellings that are one answer", len(merged), pairs)
    line("of them suspicious", len(suspicious), pairs)
    for pair in merged if details else ():
        print("   ", *pair, "SUSPICIOUS" if pair in suspicious else "")


def is_suspicious(first: str, second: str) -> bool:
    """Say whether two answers differ in brackets or signs, or a plain number is one with something compound."""
    one, other = shape(first), shape(second)
    if one["minus"] != other["minus"] or (one["brackets"] != other["brackets"] and one["commas"] != other["commas"]):
        return True
    plain = [bool(PLAIN.fullmatch(bare(text))) for text in (first, second)]
    return plain[0] != plain[1] and max(one["commas"], other["commas"]) > 0


def shape(text: str) -> Counter[str]:
    """Count what must not get lost between two spellings of one answer."""
    text = bare(text)
    return Counter(
        minus=text.count("-") + text.count("\\pm"), brackets=len(re.findall(r"[()\[\]]", text)), commas=text.count(",")
    )


def bare(text: str) -> str:
    """Return an answer without units, dollars and grouped digits."""
    text = re.sub(r",\\!\s?|(?<=[0-9]),(?=[0-9]{3}(?![0-9]))", "", text)
    return re.sub(r"\\(?:text|mbox)\{[^}]*\}(?:\^[0-9])?|\^\{?\\circ\}?|\\?\$|\\left|\\right|\s|^[a-z]=", "", text)


def report_numbers(data: Path) -> None:
    """Print how many numbers of GSM8K and MGSM are read out of a sentence, of MGSM in the language of the problem."""
    golds = [row["answer"].rpartition("####")[2].strip() for row in rows(next((data / "gsm8k").glob("*.jsonl")))]
    line("GSM8K, read in three wordings and eleven languages", sum(map(is_number_everywhere, golds)), len(golds))
    for path in sorted((data / "mgsm").glob("mgsm_*.tsv")):
        lang = path.stem[-2:]
        golds = [text.rpartition("\t")[2] for text in path.read_text(encoding="utf-8").splitlines() if text.strip()]
        right = sum(is_read(NUMBERS[lang].format(gold), gold) for gold in golds)
        line(f"MGSM {lang}, read in its sentence", right, len(golds))


def is_number_everywhere(gold: str) -> bool:
    """Say whether a number is read in every wording."""
    return all(is_read(wording.format(gold), gold) for wording in (*WORDINGS, *NUMBERS.values()))


def is_read(output: str, gold: str) -> bool:
    """Say whether an output says a number."""
    found = extract(output)
    return found is not None and (found.kind, found.canonical) == ("number", gold.replace(",", ""))


def report_rows(path: Path) -> None:
    """Print which stored outputs are read as another answer than when they were stored."""
    changed: Counter[tuple[str, str, str]] = Counter()
    total = 0
    for row in rows(path):
        for candidate in row.get("candidates") or ():
            found: Answer | None = extract(candidate["output"])
            total += 1
            now = found.canonical if found else "none"
            if now != (candidate["answer"] or "none"):
                changed[candidate["output"][-80:], str(candidate["answer"]), now] += 1
    line("stored outputs, read as before", total - changed.total(), total)
    for (output, before, now), count in changed.most_common():
        print(f"    {count} x {output!r}: {before} -> {now}")


def line(what: str, number: int, of: int) -> None:
    """Print a row of the table."""
    print(f"| {what} | {number} of {of} | {100 * number / of:.1f} % |")


if __name__ == "__main__":
    main()
