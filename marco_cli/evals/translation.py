"""Score translations without a model: chrF and BLEU. The only door to sacrebleu.

In: a text and an item with reference translations. Out: a `Score` whose value is the sentence's chrF / 100; a translation
is neither right nor wrong, so the verdict only says whether there is one. Corpus figures come from `corpus_scores`.
"""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple

from marco_cli.errors import ConfigError
from marco_cli.evals.base import Item, Score


class CorpusScores(NamedTuple):
    """chrF (Popović 2015) and BLEU (Papineni et al. 2002) of all translations together, 0 to 100."""

    chrf: float
    bleu: float


def check_available() -> None:
    """Refuse to score translations without sacrebleu.

    Raises:
        ConfigError: sacrebleu is not installed.
    """
    if find_spec("sacrebleu") is None:
        raise ConfigError("scoring translations needs sacrebleu", hint="pip install 'marco-cli[eval]'")


def chrf(text: str, item: Item) -> Score:
    """Score a translation by its sentence chrF against all references."""
    references = [item.target, *item.references]
    value = float(_sacrebleu().sentence_chrf(text.strip(), references).score) / 100
    return Score(verdict="right", value=min(1.0, max(0.0, value)), answer=text.strip(), rule="chrf")


def corpus_scores(texts: Sequence[str], items: Sequence[Item]) -> CorpusScores:
    """Score all translations together; an item without one counts as an empty text."""
    most = max(1 + len(item.references) for item in items)
    # sacrebleu wants as many references for each text; repeating one changes no score.
    columns = [[(item.target, *item.references)[min(k, len(item.references))] for item in items] for k in range(most)]
    bleu, chrf_ = (
        metric(list(texts), columns).score for metric in (_sacrebleu().corpus_bleu, _sacrebleu().corpus_chrf)
    )
    return CorpusScores(chrf=float(chrf_), bleu=float(bleu))


def instruct(item: Item) -> str:
    """Return the text after the instruction to translate it, as the preset `translate` words it."""
    return (
        "Translate the following text into English. It may be colloquial: convey what is meant, in words that a native "
        f"speaker would use, not word for word. Give only the translation as the output.\n\n{item.question}"
    )


@cache
def _sacrebleu() -> Any:
    check_available()
    import sacrebleu  # noqa: PLC0415 (an extra)

    return sacrebleu
