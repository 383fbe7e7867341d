"""JSON lines of the format `marco.trace/1` as traces.

In: a line of a file. Out: the `Trace` that was written, or its `Heading` without the rest. A line of a newer version is refused
by that version's name; keys that this version does not know are ignored; anything missing or of the wrong type is an
`InputError` that names its place. What a trace says is checked, never believed: it may come from anywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from marco_cli.answer import Answer
from marco_cli.check.base import Verdict
from marco_cli.config.settings import Settings
from marco_cli.engine.base import FinishReason, Tokens, Usage
from marco_cli.errors import InputError, cut, quoted
from marco_cli.jsonl import decode as parse_line
from marco_cli.prompt.base import Message
from marco_cli.reward.signals import Signals
from marco_cli.search.base import Candidate, Problem, Reply, SearchResult, StopReason, Vote
from marco_cli.search.config import SearchConfig
from marco_cli.search.tree import Tree
from marco_cli.search.tree_json import from_plain, plain_tokens
from marco_cli.trace.checked import entries, mapping, member, read
from marco_cli.trace.record import SCHEMA, Source, ThoughtPlace, Trace, TracedModel, check_id
from marco_cli.trace.vocabulary import from_plain as read_vocabulary

_FAMILY, _, _VERSION = SCHEMA.partition("/")
_ROUNDING: Final = 1e-6
_FRONT_ENDS: Final = b',"settings":{'
"""Ends what a heading needs. Inside a JSON string its quotes would be escaped: nothing that a user wrote looks like it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounting:
    """How the search was made, why it ended and what it cost, as a file says it."""

    strategy: str
    stop_reason: StopReason
    certainty: float
    simulations: int
    max_simulations: int | None = None
    looks: int = 0
    decoded_tokens: int
    seconds: float
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What a list says of a trace.

    Raises:
        InputError: the id cannot be one.
    """

    id: str
    created: datetime
    source: Source
    session: str | None = None
    turn: int | None = None
    item: str | None = None
    continues: str | None = None
    model: TracedModel
    question: str
    answer: str | None = None
    target: str | None = None
    confidence: float | None = None
    """Of the reply that was given, in [0, 1]; None when nothing was sampled."""
    accounting: Accounting

    def __post_init__(self) -> None:
        """Refuse an id that is not a plain word."""
        check_id(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outline(Heading):
    """All that is not evidence."""

    marco: str
    settings: Settings
    config: SearchConfig
    routed: bool
    messages: tuple[Message, ...]
    grafted: bool
    usage: Usage
    thought_place: ThoughtPlace | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _NodeLine:
    """What must be true of a node before a tree is built from it."""

    id: int
    parent: int | None
    visits: int
    value_sum: float
    tries: int
    terminal: bool
    closed: bool
    candidate: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReplyLine:
    node: int
    shared: int
    thought: str
    output: str
    read: Answer | None
    finish_reason: FinishReason
    forced: bool
    truncated: bool
    has_tags: bool
    signals: Signals
    check: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _CandidateLine:
    id: int
    fresh: float
    repeats: int
    reflects: int | None
    agreement: float
    reward: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _VoteLine:
    weight: float
    candidates: tuple[int, ...]


def decode(line: bytes, *, where: str = "trace") -> Trace:
    """Return the trace that a line holds.

    Raises:
        InputError: it is not a trace, one of a newer version, or damaged; the message begins with `where`.
    """
    document = _parsed(line, where)
    outline = read(_Outline, document, where)
    tree = _read_tree(mapping(document.get("tree"), f"{where}.tree"), f"{where}.tree")
    problem = mapping(document.get("problem"), f"{where}.problem")
    asked = {**problem, "question": outline.question, "prompt_ids": list(tree.prompt_ids)}
    return Trace(
        id=outline.id,
        created=outline.created,
        version=outline.marco,
        source=outline.source,
        model=outline.model,
        settings=outline.settings,
        config=outline.config,
        is_routed=outline.routed,
        messages=outline.messages,
        problem=read(Problem, asked, f"{where}.problem"),
        result=_read_result(document, tree, outline, where),
        is_grafted=outline.grafted,
        vocabulary=read_vocabulary(document.get("vocabulary", ()), where=f"{where}.vocabulary"),
        target=outline.target,
        item=outline.item,
        session=outline.session,
        turn=outline.turn,
        continues=outline.continues,
        thought_place=outline.thought_place,
    )


def read_heading(front: bytes, *, where: str = "trace") -> Heading | None:
    """Return the heading of the trace whose line begins with `front`; None when more of the line is needed.

    Raises:
        InputError: as for `decode`.
    """
    end = front.find(_FRONT_ENDS)
    if end < 0 and not front.endswith(b"\n"):
        return None
    return read(Heading, _parsed(front if end < 0 else front[:end] + b"}", where), where)


def _parsed(line: bytes, where: str) -> Mapping[str, Any]:
    """Return the object on a line of a format that this version reads."""
    try:
        document = mapping(parse_line(line), where)
    except InputError as error:
        raise InputError(f"{where}: {error.message.removeprefix(f'{where}: ')}", hint=error.hint) from error
    schema = document.get("schema")
    family, _, version = schema.partition("/") if isinstance(schema, str) else ("", "", "")
    if family != _FAMILY:
        raise InputError(f'{where}: no trace of marco, expected a line with "schema": "{SCHEMA}"')
    if version != _VERSION:
        raise InputError(
            f"{where}: its format is {cut(str(schema))}, this marco reads {SCHEMA}", hint="pip install -U marco-cli"
        )
    return document


def _read_tree(plain: Mapping[str, Any], where: str) -> Tree:
    for at, entry in enumerate(entries(plain, "nodes", where)):
        node = read(_NodeLine, entry, f"{where}.nodes[{at}]")
        is_root = node.parent is None
        if node.id != at or is_root != (at == 0) or not (is_root or 0 <= (node.parent or 0) < at):
            raise InputError(f"{where}.nodes[{at}]: got id {node.id} and parent {node.parent}, expected parents first")
        if node.candidate is not None and node.candidate < 0:
            raise InputError(f"{where}.nodes[{at}]: got candidate {node.candidate}, expected 0 or more")
    try:
        tree = from_plain(plain)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{where}: not the tree of a search ({type(error).__name__}: {cut(str(error))})") from error
    if len(tree) != len(plain["nodes"]):
        raise InputError(f"{where}: {len(plain['nodes'])} nodes, of which {len(tree)} differ from their siblings")
    return tree


def _read_result(document: Mapping[str, Any], tree: Tree, outline: _Outline, where: str) -> SearchResult:
    candidates = tuple(
        _read_candidate(mapping(entry, where), at, tree, f"{where}.candidates[{at}]")
        for at, entry in enumerate(entries(document, "candidates", where))
    )
    votes = tuple(
        _read_vote(entry, candidates, f"{where}.votes[{at}]")
        for at, entry in enumerate(entries(document, "votes", where))
    )
    first = document.get("first")
    accounting = outline.accounting
    return SearchResult(
        reply=_read_reply_or_candidate(document.get("reply"), candidates, tree, f"{where}.reply"),
        candidates=candidates,
        votes=votes,
        certainty=accounting.certainty,
        stop_reason=accounting.stop_reason,
        num_simulations=accounting.simulations,
        max_simulations=accounting.max_simulations,
        tree=tree,
        usage=outline.usage,
        seconds=accounting.seconds,
        notices=accounting.notices,
        strategy=accounting.strategy,
        first=None if first is None else _read_reply_or_candidate(first, candidates, tree, f"{where}.first"),
        num_looks=accounting.looks,
    )


def _read_candidate(document: Mapping[str, Any], at: int, tree: Tree, where: str) -> Candidate:
    line = read(_CandidateLine, document, where)
    if line.id != at:
        raise InputError(f"{where}: got id {line.id}, expected {at}")
    for name in ("fresh", "agreement", "reward"):
        _check_share(getattr(line, name), f"{where}.{name}")
    return Candidate(
        id=line.id,
        reply=_read_reply(document, tree, where),
        node_id=member(document, "node", int, where),
        fresh=line.fresh,
        repeats=line.repeats,
        reflects=line.reflects,
        agreement=line.agreement,
        reward=line.reward,
    )


def _read_vote(document: object, candidates: tuple[Candidate, ...], where: str) -> Vote:
    line = read(_VoteLine, document, where)
    if not line.candidates or not all(0 <= each < len(candidates) for each in line.candidates):
        raise InputError(f"{where}: got candidates {quoted(line.candidates)}, expected some of {len(candidates)}")
    _check_share(line.weight, f"{where}.weight")
    answer = candidates[line.candidates[0]].reply.answer
    return Vote(answer=answer, candidate_ids=line.candidates, weight=line.weight)


def _check_share(value: float, where: str) -> None:
    if not 0 <= value <= 1 + _ROUNDING:
        raise InputError(f"{where}: got {value:g}, expected a number from 0 to 1")


def _read_reply_or_candidate(value: object, candidates: tuple[Candidate, ...], tree: Tree, where: str) -> Reply:
    document = mapping(value, where)
    number = document.get("candidate")
    if number is None:
        return _read_reply(document, tree, where)
    if not isinstance(number, int) or not 0 <= number < len(candidates):
        raise InputError(f"{where}: got candidate {quoted(number)}, expected one of {len(candidates)}")
    return candidates[number].reply


def _read_reply(document: Mapping[str, Any], tree: Tree, where: str) -> Reply:
    line = read(_ReplyLine, document, where)
    if not 0 <= line.node < len(tree):
        raise InputError(f"{where}: got node {line.node}, expected one of {len(tree)}")
    node = tree[line.node]
    tokens = tree.tokens(node)[: line.shared]
    data = tree.data(node) if line.shared else b""
    tail = document.get("tail")
    try:
        if tail is not None:
            tokens = Tokens.concat((tokens, plain_tokens(tail["ids"], tail["forced"], tail["scores"])))
            data += tail["text"].encode()
        if "bytes" in document:
            data = bytes.fromhex(document["bytes"])
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{where}.tail: not the end of a reply ({type(error).__name__}: {cut(str(error))})") from error
    return Reply(
        tokens=tokens,
        data=data,
        thought=line.thought,
        output=line.output,
        answer=line.read,
        finish_reason=line.finish_reason,
        is_forced=line.forced,
        is_truncated=line.truncated,
        has_tags=line.has_tags,
        signals=line.signals,
        verdict=line.check,
    )
