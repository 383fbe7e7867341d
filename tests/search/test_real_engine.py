"""A whole search through llama.cpp: forks cost nothing, batches are full."""

from dataclasses import replace
from pathlib import Path

import pytest
from loop import finished

from marco_cli.engine.base import SamplingParams
from marco_cli.engine.llamacpp import LlamaOptions, open_engine
from marco_cli.search.base import Problem, SearchResult
from marco_cli.search.config import SearchConfig
from marco_cli.search.context import SearchContext
from marco_cli.search.solve import search
from marco_cli.sections import MARCO

QUESTION = "Max has 21. Then Max wins 2 packs of 5 balls. Max gives 4 to each of 4 friends. How many balls are left?"


@pytest.fixture(scope="module")
def found(nano_gguf: Path) -> SearchResult:
    """Search 32 simulations, four at a time, with the bundled model."""

    async def work() -> SearchResult:
        engine = open_engine(nano_gguf, LlamaOptions(max_num_seqs=8))
        text = f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n<Thought>\n"
        ids = engine.tokenize(text, special=True)
        problem = Problem(prompt_ids=ids, tags=MARCO, prefill="<Thought>\n", question=QUESTION, max_tokens=640)
        config = SearchConfig(simulations=32, parallel=4, certainty=1, step="line", min_doubt=0.001)
        try:
            sampling = SamplingParams(temperature=1.0)
            return await search(problem, SearchContext(engine=engine), replace(config, sampling=sampling))
        finally:
            await engine.close()

    return finished(work())


@pytest.mark.weights
def test_a_search_evaluates_hardly_more_tokens_than_its_tree_has(found: SearchResult) -> None:
    """Prefixes are forked in the KV memory and not evaluated again: at most 5 % over the unique tokens."""
    assert found.tree is not None
    unique = len(found.tree.prompt_ids) + sum(len(node.step.tokens) for node in found.tree.nodes)

    assert found.num_simulations > 8
    assert found.usage.evaluated <= 1.05 * unique


@pytest.mark.weights
def test_a_search_keeps_its_batches_full(found: SearchResult) -> None:
    """Four simulations at once fill at least 80 % of four rows on average, the greedy first one included."""
    assert found.num_simulations == 32
    assert found.usage.mean_batch_width >= 0.8 * 4
