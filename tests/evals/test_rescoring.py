from dataclasses import replace

import pytest
from evals.examples import ITEMS, ask_rows, candidate, outcome, stored
from tables import table

from marco_cli import jsonl
from marco_cli.errors import ConfigError, InputError
from marco_cli.evals.outcome import Outcome, outcome_document, read_outcome
from marco_cli.evals.report import About, build_report
from marco_cli.evals.rescoring import rescore
from marco_cli.reward import REWARDS
from marco_cli.search import STRATEGIES, VOTES
from marco_cli.view.eval_summary import summary_document

LABELS = [*(f"{name}@6" for name in STRATEGIES if name != "tot"), "auto+doubt_below=1", "vote@6+reflection=always"]


@table(LABELS)
def test_rescoring_with_the_runs_own_rules_changes_nothing(label: str) -> None:
    """For every strategy: the same answers, rewards, votes and certainties, to the last bit, from the rows on disk."""
    asked = ask_rows(label)

    assert len(asked) == 2
    for live, row in zip(asked, stored(asked), strict=True):
        again = rescore(row)
        assert outcome_document(again) == outcome_document(row)
        assert again.score == live.score
        assert again.certainty == live.certainty
        assert [c.reward for c in again.candidates] == [c.reward for c in live.candidates]
        assert [c.agreement for c in again.candidates] == [c.agreement for c in live.candidates]
        assert [vote.weight for vote in again.votes] == [vote.weight for vote in live.votes]


@pytest.fixture(scope="module")
def sampled() -> list[Outcome]:
    """Return a vote of five samples at each item."""
    return ask_rows("vote@5+certainty=1")


@pytest.mark.parametrize(
    ("reward", "vote"),
    # `process` needs a second model.
    [
        *((reward, "best") for reward in REWARDS if reward != "process"),
        *(("agree", vote) for vote in VOTES if vote != "process"),
    ],
)
def test_another_rule_gives_what_a_run_under_it_would_have_given(
    sampled: list[Outcome], reward: str, vote: str
) -> None:
    """Samples do not depend on reward or vote, so a run under a rule equals a rescored run of another."""
    changed = [rescore(row, reward=reward, vote=vote) for row in stored(sampled)]
    direct = ask_rows("vote@5+certainty=1", reward=reward, vote=vote)

    for left, right in zip(changed, direct, strict=True):
        assert left.score == right.score
        assert left.votes == right.votes
        assert left.certainty == right.certainty


def test_rescoring_reproduces_every_figure_of_the_report() -> None:
    """The summary of the rescored rows is the run's own summary."""
    rows = ask_rows("cot", "vote@4", "mcts@6", num_seeds=2)
    about = About(dataset="sums", source="test", model="scripted")

    own = jsonl.encode(summary_document(build_report(rows, about)))
    again = jsonl.encode(summary_document(build_report([rescore(row) for row in stored(rows)], about)))
    assert own == again


def test_another_vote_chooses_another_answer() -> None:
    """Two unsure paths outvote a sure one under the majority, and not under the best."""
    row = outcome(ITEMS[0], ["4", "3", "3"], confidences=(0.99, 0.7, 0.7))

    assert row.score.verdict == "wrong"
    assert rescore(row, vote="majority").score.verdict == "right"
    assert rescore(row, vote="best").score.verdict == "wrong"


def test_another_scorer_reads_the_same_outputs_anew() -> None:
    """What is right may depend on the scorer; the outputs do not."""
    row = outcome(ITEMS[0], ["The result is 3."])

    assert rescore(row, scorer="simple-evals").score.verdict == "no_answer"
    assert rescore(row, scorer="contains").score.verdict == "right"


def test_another_scorer_gives_what_a_run_under_it_would_have_given() -> None:
    """The chosen answer, every path, and the chain that `auto` began with: all are scored by the new rule."""
    own = ask_rows("auto+doubt_below=1")
    direct = ask_rows("auto+doubt_below=1", items=[replace(row.item, scorer="contains") for row in own])

    for row, wanted in zip(stored(own), direct, strict=True):
        again = rescore(row, scorer="contains")
        assert again.score == wanted.score
        assert again.scores == wanted.scores
        assert again.first == wanted.first
        assert again.first != row.first
        assert rescore(row, vote="majority").first == row.first


def test_a_first_chain_that_was_not_kept_is_left_out_under_another_scorer() -> None:
    """Rows that were written without its output do not set one rule against another; under their own they are as they were."""
    (row, _) = ask_rows("auto+doubt_below=1")
    document = outcome_document(row)
    del document["first_text"]
    old = read_outcome(jsonl.decode(jsonl.encode(document)), where="row")

    assert old.first == row.first is not None
    assert rescore(old).first == row.first
    assert rescore(old, scorer="contains").first is None


def test_a_reply_cut_short_keeps_its_half_weight() -> None:
    """Rewards of paths closed by force are halved again, as in the search."""
    path = candidate(0, "3", confidence=0.8)
    forced = replace(path, reply=replace(path.reply, is_forced=True))
    row = replace(outcome(ITEMS[0], ["3"]), candidates=(forced,))

    assert rescore(row).candidates[0].reward == pytest.approx(0.4)


@pytest.mark.parametrize("wrong", [{"reward": "agre"}, {"vote": "most"}, {"scorer": "exakt"}])
def test_an_unknown_rule_is_refused(wrong: dict[str, str]) -> None:
    """The message names the choices."""
    with pytest.raises(ConfigError, match="expected one of"):
        rescore(outcome(ITEMS[0], ["3"]), **wrong)


def test_a_row_survives_its_way_through_json() -> None:
    """Document, bytes, document: nothing changes, Chinese and lone surrogates included."""
    row = outcome(ITEMS[0], ["答案是 3。", "kein \ud800 Ergebnis 4"])
    data = jsonl.encode(outcome_document(row))

    assert jsonl.encode(outcome_document(read_outcome(jsonl.decode(data), where="x"))) == data


@pytest.mark.parametrize("candidates", [[7], []])
def test_a_vote_for_a_path_that_is_not_there_is_a_damaged_row(candidates: list[int]) -> None:
    """What a hand or a disk has spoilt is named by its place."""
    document = outcome_document(outcome(ITEMS[0], ["3"]))
    document["votes"] = [{"answer": None, "candidates": candidates, "weight": 1.0}]

    with pytest.raises(InputError, match="rows line 4: damaged row"):
        read_outcome(jsonl.decode(jsonl.encode(document)), where="rows line 4")


def test_a_target_that_the_new_scorer_cannot_use_is_one_error() -> None:
    """A target that is not an expression is named with its item, not compiled and crashed on."""
    row = ask_rows("cot")[0]
    odd = replace(row, item=replace(row.item, target="(4"))

    with pytest.raises(InputError, match=f"item {row.item.id}: the target is not a regular expression"):
        rescore(odd, scorer="regex")
