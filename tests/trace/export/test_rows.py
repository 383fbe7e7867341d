"""sft, dpo and prm: what one could train on."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from exported import exported, read
from search.scripts import SUM, answer, grown_script, lines
from traced import traced

from marco_cli.trace.export.dpo import Stratum, choose, pairs_of
from marco_cli.trace.export.prm import right_shares
from marco_cli.trace.record import Trace


@lru_cache
def searched(seed: int = 5, **settings: Any) -> Trace:
    """Return the trace of a search with several answers."""
    return traced(grown_script(seed), strategy="mcts", simulations=24, **settings)


def with_answer(trace: Trace, wanted: str) -> Trace:
    """Return the trace with a target."""
    return replace(trace, target=wanted)


def test_sft_is_the_conversation_with_the_best_reply_as_it_was_written() -> None:
    """`messages` end with the assistant's whole reply, tags and all, after the prompt's own messages."""
    trace = traced(SUM, strategy="mcts", simulations=8, system="Be brief.")
    (row,) = read(exported("sft", [trace])[0])

    assert [message["role"] for message in row["messages"]] == ["system", "user", "assistant"]
    assert row["messages"][:2] == [{"role": each.role, "content": each.content} for each in trace.messages]
    assert row["messages"][2]["content"] == trace.reply.data.decode().strip()
    assert row["messages"][2]["content"].startswith("<Thought>")
    assert row["messages"][2]["content"].endswith("</Output>")


def test_what_the_prompt_gave_of_the_reply_is_part_of_it() -> None:
    """A preset that begins the reply with `<Thought>` must not teach replies without it."""
    trace = traced(grown_script(5), strategy="mcts", simulations=6, prefill="<Thought>\n")
    (row,) = read(exported("sft", [trace])[0])

    assert row["messages"][-1]["content"].startswith("<Thought>\n")


def test_sharegpt_says_the_same_in_its_own_words() -> None:
    """`conversations` of human and gpt hold what `messages` hold."""
    trace = searched(system="Be brief.")
    (chat,) = read(exported("sft", [trace])[0])
    (shared,) = read(exported("sft", [trace], layout="sharegpt")[0])

    assert [turn["from"] for turn in shared["conversations"]] == ["system", "human", "gpt"]
    assert [turn["value"] for turn in shared["conversations"]] == [turn["content"] for turn in chat["messages"]]


@pytest.mark.parametrize("name", ["sft", "dpo", "prm"])
def test_replies_that_were_cut_are_not_learned_from(name: str) -> None:
    """A reply without its end, or closed by force, is left out, and the reason said."""
    trace = traced(grown_script(5), strategy="cot", temperature=0.0, max_tokens=30, output_reserve=20)
    assert not trace.reply.is_whole

    (export,) = exported(name, [trace])
    assert export.num_rows == 0
    assert export.reason


def test_pairs_share_what_they_say_they_share() -> None:
    """The shared prefix, in tokens and in characters, is exactly that of the two replies."""
    trace = searched()
    (export,) = exported("dpo", [trace], margin=0.0)
    by_text = {candidate.reply.data.decode().strip(): candidate.reply for candidate in trace.candidates}

    assert export.num_rows
    for row in read(export):
        chosen, rejected = row["chosen"][0]["content"], row["rejected"][0]["content"]
        num = row["shared_characters"]
        assert chosen[:num] == rejected[:num]
        assert chosen[num : num + 1] != rejected[num : num + 1]
        left, right = by_text[chosen].tokens.ids.tolist(), by_text[rejected].tokens.ids.tolist()
        assert left[: row["shared_tokens"]] == right[: row["shared_tokens"]]
        assert left[row["shared_tokens"]] != right[row["shared_tokens"]]
        assert (row["chosen_tokens"], row["rejected_tokens"]) == (len(left), len(right))


def test_the_winning_answer_is_preferred_and_a_target_knows_better() -> None:
    """Without a target the vote decides, by a margin; with one a right answer stands against wrong ones."""
    trace = searched()
    answers = {candidate.reply.answer.canonical for candidate in trace.candidates if candidate.reply.answer}
    assert trace.answer is not None
    other = min(answers - {trace.answer.canonical})

    for row in read(exported("dpo", [trace])[0]):
        assert row["chosen_answer"] == trace.answer.canonical != row["rejected_answer"]
        assert row["chosen_reward"] - row["rejected_reward"] >= 0.1
    for row in read(exported("dpo", [with_answer(trace, other)])[0]):
        assert row["chosen_answer"] == other != row["rejected_answer"]
    assert exported("dpo", [with_answer(trace, "999")])[0].num_rows == 0


def test_better_replies_are_not_simply_the_longer_ones() -> None:
    """Pairs come from all strata of length that there are, and no reply is rejected twice."""
    table = {
        "": {"<Thought>\nAdd.\n": 0.5, "<Thought>\nAdd slowly, one by one, and look twice at each.\n": 0.5},
        "<Thought>\nAdd.\n": {"2+2 = 4.\n" + answer("4"): 0.5, "2+2 = 5.\n" + answer("5"): 0.5},
        "<Thought>\nAdd slowly, one by one, and look twice at each.\n": {answer("4"): 0.5, answer("5"): 0.5},
    }
    trace = with_answer(traced(lines(table), strategy="mcts", simulations=16), "4")
    pairs = pairs_of(trace, 0.0)
    taken: dict[Stratum, int] = {"shorter": 0, "similar": 1, "longer": 5}
    first = choose(pairs, 2, taken)

    assert {pair.stratum for pair in pairs} == {"shorter", "similar", "longer"}
    assert {pair.stratum for pair in first} == {"shorter", "similar"}
    assert taken == {"shorter": 1, "similar": 2, "longer": 5}
    assert len({pair.rejected.id for pair in first}) == 2


def test_a_step_is_worth_what_came_of_it() -> None:
    """Without a target a label follows the value of the step's node; texts, values and visits are those of the path."""
    trace = searched()
    for row, candidate in zip(read(exported("prm", [trace])[0]), trace.candidates, strict=True):
        path = trace.tree.path(trace.tree[candidate.node_id])[1:]
        assert row["evidence"] == "search"
        assert len(row["completions"]) == len(row["labels"]) == len(row["values"]) == len(row["visits"])
        assert [node.value for node in path if node.step.data.strip()] == row["values"]
        assert row["labels"] == [value >= 0.5 for value in row["values"]]
        assert "\n".join(row["completions"]).replace("\n", "") == candidate.reply.data.decode().replace("\n", "")


def test_with_a_target_a_step_is_good_from_which_somebody_got_there() -> None:
    """Values are shares of right ends below a step, labels whether there was any (Math-Shepherd)."""
    trace = with_answer(searched(), "1")
    shares = right_shares(trace)
    right = [
        candidate.reply.answer is not None and candidate.reply.answer.canonical == "1" for candidate in trace.candidates
    ]
    rows = read(exported("prm", [trace])[0])

    assert 0 < shares[0] < 1
    for row, candidate, is_right in zip(rows, trace.candidates, right, strict=True):
        assert row["evidence"] == "target"
        assert row["values"][-1] == shares[candidate.node_id] == float(is_right)
        assert row["labels"] == [value > 0 for value in row["values"]]
        assert row["labels"][0] or not is_right


def test_mini_steps_are_cut_between_characters() -> None:
    """Steps that end inside a character give it to the next one: joined with nothing, they are the reply."""
    script = {"": {"<Thought>\n" + "数" * 40 + "\n</Thought>\n<Output>\n答案是4。\n</Output><|im_end|>": 1.0}}
    trace = traced(
        lambda text: script.get(text.rpartition("assistant\n")[2], {}), strategy="mcts", simulations=2, step="mini32"
    )
    (row,) = read(exported("prm", [trace])[0])

    assert len(row["completions"]) > 3
    assert "".join(row["completions"]) == trace.reply.data.decode()
    assert "\ufffd" not in "".join(row["completions"])


def test_rarely_visited_steps_can_be_left_out() -> None:
    """With `min_visits` a path ends before the first step that too few simulations went through."""
    (export,) = exported("prm", [searched()], min_visits=2)
    assert export.num_rows
    assert all(min(row["visits"]) >= 2 for row in read(export))


def test_paths_that_leave_the_tree_are_whole() -> None:
    """Rollouts of the paper's search are not nodes: what the tree does not hold is the last step."""
    trace = traced(grown_script(5), strategy="mcts-paper", simulations=6)
    rows = read(exported("prm", [trace])[0])

    texts = ["\n".join(row["completions"]).replace("\n", "") for row in rows]
    assert texts == [candidate.reply.data.decode().replace("\n", "") for candidate in trace.candidates]


@pytest.mark.parametrize(
    ("name", "options", "columns"),
    [
        ("sft", {}, {"messages", "trace"}),
        ("sft", {"layout": "sharegpt"}, {"id", "conversations", "trace"}),
        ("dpo", {"margin": 0.0}, {"prompt", "chosen", "rejected", "shared_tokens", "shared_characters"}),
        ("prm", {}, {"prompt", "completions", "labels", "values", "visits"}),
        ("json", {}, {"nodes", "votes", "candidates"}),
    ],
)
def test_the_datasets_library_reads_the_rows(
    name: str, options: dict[str, Any], columns: set[str], tmp_path: Path
) -> None:
    """Rows of many traces, with and without targets and sessions, load as one table with the columns that trl wants."""
    datasets = pytest.importorskip("datasets")
    traces = [searched(1), with_answer(searched(2), "1"), replace(searched(3), session="s", turn=2, item="row-3")]
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"".join(export.data for export in exported(name, traces, **options)))

    table = datasets.load_dataset("json", data_files=str(file), split="train", cache_dir=str(tmp_path / "cache"))
    assert columns <= set(table.column_names)
    assert len(table) == sum(export.num_rows for export in exported(name, traces, **options))
    if name == "dpo":
        assert [turn["role"] for turn in table[0]["chosen"]] == ["assistant"]
    if name == "prm":
        assert all(isinstance(label, bool) for label in table[0]["labels"])
