"""Evaluations: data sets and scorers by name.

Only literal tables live here, so that the command line can list its choices without loading anything. A data set's place
is `module:function`, a function from a `Selection` to its problems; a scorer's, a function from a text and a problem to a
`Score`.
"""

from types import MappingProxyType
from typing import Final, NamedTuple


class DataSetEntry(NamedTuple):
    """Where a data set is, how its answers are scored, the languages it is asked in unless told otherwise."""

    place: str
    scorer: str
    langs: tuple[str, ...]
    help: str


DATASETS: Final = MappingProxyType(
    {
        "nano": DataSetEntry(
            "marco_cli.evals.sets.nano:load", "number", (), "marco-nano's 600 held-out problems, bundled"
        ),
        "mgsm": DataSetEntry(
            "marco_cli.evals.sets.mgsm:load", "number", ("en",), "250 grade-school problems in each of 11 languages"
        ),
        "gsm8k": DataSetEntry("marco_cli.evals.sets.gsm8k:load", "number", (), "1,319 grade-school problems"),
        "math500": DataSetEntry("marco_cli.evals.sets.math500:load", "math", (), "500 competition problems, LaTeX"),
        "letters": DataSetEntry(
            "marco_cli.evals.sets.letters:load", "number", ("en",), "how often is a letter in a word, generated"
        ),
        "translate": DataSetEntry(
            "marco_cli.evals.sets.translate:load", "chrf", ("zh",), "Chinese slang into English, scored by chrF"
        ),
        "open": DataSetEntry(
            "marco_cli.evals.sets.open:load",
            "rubric",
            (),
            "65 open-ended questions, English and Chinese, scored by rubrics",
        ),
        "code": DataSetEntry(
            "marco_cli.evals.sets.code:load", "check", (), "26 Python functions on numbers and lists, with tests"
        ),
        "code-text": DataSetEntry(
            "marco_cli.evals.sets.code:load_texts", "check", (), "26 Python functions on texts, with tests"
        ),
        "jsonl": DataSetEntry("marco_cli.evals.sets.jsonl:load", "exact", (), "your own file: --data FILE.jsonl"),
    }
)
"""By the name on the command line."""

SCORERS: Final = MappingProxyType(
    {
        "exact": "marco_cli.evals.scoring:exact",
        "number": "marco_cli.evals.scoring:number",
        "choice": "marco_cli.evals.scoring:choice",
        "regex": "marco_cli.evals.scoring:regex",
        "contains": "marco_cli.evals.scoring:contains",
        "math": "marco_cli.evals.scoring:math",
        "chrf": "marco_cli.evals.translation:chrf",
        "check": "marco_cli.evals.checking:check",
        "rubric": "marco_cli.evals.rubric:rubric",
        "simple-evals": "marco_cli.evals.simple_evals:score",
    }
)
"""By the name on the command line."""
