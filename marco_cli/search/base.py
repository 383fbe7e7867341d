"""What goes into a search and what comes out of it: values only, none of them changes.

A `Problem` is a prompt in token ids with the format of its reply; a `Reply` is one finished reply with its scores; a
`Candidate` is a reply that takes part in the vote; a `SearchResult` is what the whole search came to. How a search runs
is `search.run`'s business, how it may be tuned `search.config`'s.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from marco_cli.answer import Answer, equal
from marco_cli.check.base import Verdict
from marco_cli.engine.base import FinishReason, Tokens, Usage
from marco_cli.errors import ConfigError
from marco_cli.reward.signals import Signals
from marco_cli.search.program import is_program
from marco_cli.search.tree import Tree
from marco_cli.sections import Tags

StopReason = Literal["finished", "verified", "certain", "exhausted", "simulations", "tokens", "time", "stopped"]
"""Why a search ended.

It did all it set out to do; a check found an answer right; the leader of the vote is certain; every path has been seen; one of the three budgets is
used up; the user asked for the answer now.
"""

Ending = Literal["stop", "length", "loop", "cancelled"]
"""How a reply ended: by itself; cut, thought or output, by a limit; because it fell into a loop; by request."""

DEFAULT_REFLECTION = "Wait! Maybe I made some mistakes! I need to rethink from scratch."
"""The phrase of the Marco-o1 paper (arXiv 2411.14405, section 4.4)."""

_INDEPENDENT = 0.5
"""Evidence above which a reply is a witness of its own."""

Clock = Callable[[], float]
"""Seconds since some fixed moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A prompt that waits for a reply, and what that reply looks like."""

    prompt_ids: tuple[int, ...]
    tags: Tags = field(default_factory=Tags)
    prefill: str = ""
    """The beginning of the reply that `prompt_ids` already end with, e.g. "<Thought>"."""
    max_tokens: int | None = None
    """Tokens of a whole reply, thought and output together; None is what the context leaves."""
    max_thought_tokens: int | None = None
    """Tokens of the thought alone, after which it is closed by force; None sets no such limit."""
    closing_phrase: str = ""
    """What is said at the end of a thought that is closed by force."""
    output_reserve: int = 256
    """How many of `max_tokens` are kept for the output of a thought that does not end by itself."""
    stop_texts: tuple[str, ...] = ()
    """Texts that end the reply, besides the closing tag of the output."""
    reflection: str = DEFAULT_REFLECTION
    """What makes the model think again (Marco-o1, "Reflection after Thinking"), in the language of the question."""
    question: str = ""
    """The question as it was asked: for people and for the self-evaluation of `tot`, never tokenised as a prompt."""
    prompt_text: str = ""
    """What `prompt_ids` say, as the chat template wrote it; "" where it is not known."""
    is_free_form: bool = False
    """Whether outputs are free text (a translation), of which no two count as the same answer."""
    tests: str = ""
    """What tells right answers from wrong ones, for the checks that want it; the model never sees it."""

    def __post_init__(self) -> None:
        """Refuse budgets that leave no room."""
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ConfigError(f"max_tokens is {self.max_tokens}, expected 1 or more")
        if self.max_thought_tokens is not None and self.max_thought_tokens < 0:
            raise ConfigError(f"max_thought_tokens is {self.max_thought_tokens}, expected 0 or more")
        if self.output_reserve < 0:
            raise ConfigError(f"output_reserve is {self.output_reserve}, expected 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reply:
    """One reply of the model, from its first token to its last."""

    tokens: Tokens
    """All of it, sampled and forced, without what `Problem.prefill` put into the prompt."""
    data: bytes
    """The text of the tokens, tags and all."""
    thought: str
    output: str
    """"" when the reply ended before there was one."""
    answer: Answer | None
    """None without an output, or when no answer can be read from it."""
    finish_reason: FinishReason
    is_forced: bool = False
    """Whether the thought was closed by force."""
    is_truncated: bool = False
    """Whether the reply was cut before its end: by `max_tokens`, by a budget, by a cancel, or because it fell into a loop."""
    is_given_up: bool = False
    """Whether the budget of the search ended it; not kept in traces."""
    has_tags: bool = True
    """Whether any tag of the format appeared in it (always true of a format without tags)."""
    tags: Tags | None = None
    """The format that it turned out to have, where that is not the problem's; not kept in traces."""
    num_thought_tokens: int = 0
    """Sampled ones, those of tags among them; not kept in traces."""
    num_output_tokens: int = 0
    """Sampled ones; not kept in traces."""
    signals: Signals
    verdict: Verdict | None = None
    """What the checks say of it; None where there are none."""

    @property
    def is_program(self) -> bool:
        """Whether it answers with a program."""
        return is_program(self.data)

    @property
    def is_verified(self) -> bool:
        """Whether a check found it right."""
        return self.verdict is not None and self.verdict.judgement == "right"

    @property
    def is_refuted(self) -> bool:
        """Whether a check found it wrong."""
        return self.verdict is not None and self.verdict.judgement == "wrong"

    @property
    def is_whole(self) -> bool:
        """Whether the model ended the reply by itself."""
        return not (self.is_forced or self.is_truncated)

    @property
    def ending(self) -> Ending:
        """How the reply ended, as interfaces tell it."""
        if self.finish_reason in ("loop", "cancelled"):
            return self.finish_reason
        return "stop" if self.is_whole and self.output else "length"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """A finished reply with an output, one voice in the vote."""

    id: int
    """Order of finishing, from 0."""
    reply: Reply
    node_id: int
    """The node that the reply ends at; 0, the root, without a tree."""
    fresh: float = 1.0
    """Share of the reply that was sampled for it, in (0, 1]; the rest is shared with earlier candidates."""
    repeats: int = 0
    """How often the very same tokens came up again."""
    reflects: int | None = None
    """The candidate whose thought this one thinks over again."""
    agreement: float = 0.0
    """Share of all candidates with the same answer, in [0, 1], as of the end of the search."""
    reward: float = 0.0
    """In [0, 1], as of the end of the search."""
    judged: float | None = None
    """What a judge says of it beside the others, in [0, 1]; not kept in traces."""

    @property
    def weight(self) -> float:
        """What the candidate counts before any reward: half when it was closed by force or cut."""
        return 1.0 if self.reply.is_whole else 0.5

    @property
    def evidence(self) -> float:
        """How good a witness of its answer it is, in [0, 1]; 0 when it was cut or a check refuted it.

        Replies that share most of their thought are not independent, and one whose arithmetic is wrong tells little.
        """
        return (
            0.0
            if self.reply.is_truncated or self.reply.is_refuted
            else self.weight * self.fresh * self.reply.signals.soundness
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One answer and those who stand for it."""

    answer: Answer | None
    """None: free text, or no answer could be read."""
    candidate_ids: tuple[int, ...]
    """Best reward first."""
    weight: float
    """What the votes come to under the rule in use; shares of all weights add up to 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Earlier:
    """What a search that has ended left behind, for one that goes on from there."""

    tree: Tree | None
    """It grows on: a caller that needs it as it was copies it first. None for strategies without one."""
    candidates: tuple[Candidate, ...]
    num_simulations: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchResult:
    """What a search found, with its evidence."""

    reply: Reply
    """The reply that represents the winning answer; unfinished, with an empty output, if there is no candidate."""
    candidates: tuple[Candidate, ...]
    """In order of finishing."""
    votes: tuple[Vote, ...]
    """Leader first; empty without candidates."""
    certainty: float
    """Posterior probability that the leader stays ahead, in [0, 1]."""
    stop_reason: StopReason
    num_simulations: int
    max_simulations: int | None
    tree: Tree | None
    """None for strategies without one."""
    usage: Usage
    """Work of this search alone."""
    seconds: float
    notices: tuple[str, ...] = ()
    """What the user should know, one line each."""
    strategy: str = ""
    first: Reply | None = None
    """The plain chain that `auto` found doubtful and searched on from; None when there was no such chain."""
    num_looks: int = 0
    """Independent replies that the search of `auto` began with, to see whether they agree with `first`."""

    @property
    def answer(self) -> Answer | None:
        """The winning answer."""
        return self.reply.answer

    @property
    def is_open_ended(self) -> bool:
        """Whether the replies are texts without an answer to vote on, which `votes` only put into order."""
        return bool(self.votes) and all(vote.answer is None for vote in self.votes)

    @property
    def is_changed(self) -> bool:
        """Whether the search came to another answer than the chain that it began with; free text counts as changed."""
        if self.first is None or self.reply is self.first:
            return False
        before, after = self.first.answer, self.reply.answer
        return before is None or after is None or not equal(before, after)

    @property
    def is_searched(self) -> bool:
        """Whether `auto` went beyond the chain and the looks that settled it."""
        return self.first is not None and not is_settled(self.stop_reason, self.num_simulations, self.num_looks)

    @property
    def is_confirmed(self) -> bool:
        """Whether another reply gave the winning answer that shares less than half of its tokens with earlier ones."""
        if not self.votes:
            return False
        witnesses = [candidate for candidate in self.candidates if candidate.id in self.votes[0].candidate_ids]
        return any(each.evidence > _INDEPENDENT and each.reply is not self.first for each in witnesses)

    @property
    def ending(self) -> str:
        """Why it ended, as rows and `--json` tell it: of a single chain also `forced` (thought cut), `length` or `loop`."""
        reply = self.reply
        if len(self.candidates) > 1 or reply.is_whole:
            return self.stop_reason
        return "loop" if reply.finish_reason == "loop" else "forced" if reply.is_forced else "length"

    @property
    def confidence(self) -> float:
        """Mean confidence of the winning reply, in [0, 1]."""
        return self.reply.signals.confidence


def is_settled(stop_reason: StopReason, num_simulations: int, num_looks: int) -> bool:
    """Say whether a search that began with looks ended with them, because they agreed: it has only asked for witnesses."""
    return stop_reason == "certain" and 0 < num_simulations - 1 <= num_looks  # the first simulation is the chain
