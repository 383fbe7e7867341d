"""Runs of `marco eval` that are on disk: read, chosen or scored anew, compared."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from marco_cli import jsonl
from marco_cli.batch.meta import read_meta, write_meta
from marco_cli.commands._evaluating import run_directory, write_report
from marco_cli.commands._output import say
from marco_cli.config.home import is_there
from marco_cli.config.option import did_you_mean
from marco_cli.draft import put
from marco_cli.errors import ConfigError, InputError, StorageError, os_errors_as
from marco_cli.evals.comparison import Comparison, compare_rows
from marco_cli.evals.outcome import Outcome, outcome_document
from marco_cli.evals.report import About, Report
from marco_cli.evals.rescoring import rescore
from marco_cli.evals.runner import ROWS_FILE, read_outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A run on disk."""

    path: Path
    """Of the rows."""
    outcomes: tuple[Outcome, ...]
    configuration: Mapping[str, object]
    facts: Mapping[str, object]

    @property
    def about(self) -> About:
        """What the rows do not say themselves; "unknown" where the meta file is gone."""
        return About(
            dataset=_text(self.configuration.get("dataset")),
            source=_text(self.facts.get("source")),
            model=_text(_object(self.configuration.get("model")).get("name")),
        )


def read_run(path: Path) -> PastRun:
    """Read a run's rows and what is known of it.

    Raises:
        InputError: there is no run at the path, or it is damaged.
    """
    rows = path / ROWS_FILE if is_there(path) and path.is_dir() else path
    if not (is_there(rows) and rows.is_file()):
        raise InputError(f"{path} holds no {ROWS_FILE}", hint="name a directory that `marco eval -o` wrote")
    outcomes = tuple(read_outcomes(rows))
    if not outcomes:
        raise InputError(f"{rows} has no rows yet", hint="run `marco eval … --resume` first")
    meta = read_meta(rows)
    configuration, facts = (meta.configuration, meta.facts) if meta else ({}, {})
    return PastRun(path=rows, outcomes=outcomes, configuration=_object(configuration), facts=_object(facts))


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else "unknown"


def rescored(past: PastRun, *, reward: str | None, vote: str | None, scorer: str | None) -> PastRun:
    """Return a run with its answers chosen, or scored, by other rules.

    Its configuration names them, so that no run goes on with it as if it were the run that it was made of.
    """
    outcomes = tuple(rescore(outcome, reward=reward, vote=vote, scorer=scorer) for outcome in past.outcomes)
    rules = {"reward": reward, "vote": vote, "scorer": scorer}
    named = {name: rule for name, rule in rules.items() if rule is not None}
    if not named:
        return replace(past, outcomes=outcomes)
    before = _object(past.configuration.get("rescored"))
    return replace(past, outcomes=outcomes, configuration={**past.configuration, "rescored": {**before, **named}})


def write_run(past: PastRun, report: Report, output: Path, *, overwrite: bool, quiet: bool) -> None:
    """Write rows and reports of a rescored run into a directory of its own.

    Raises:
        ConfigError: it is the run's own directory, or holds rows already.
        StorageError: something cannot be written.
    """
    with run_directory(output) as directory:
        rows = directory / ROWS_FILE
        if rows.exists() and (not overwrite or rows.samefile(past.path)):
            raise ConfigError(
                f"{rows} exists already", hint="name another directory; --overwrite replaces another run's rows"
            )
        data = b"".join(jsonl.encode(outcome_document(outcome)) for outcome in past.outcomes)
        with os_errors_as(StorageError, f"cannot write {rows}", hint="free some space"):
            write_meta(rows, configuration=past.configuration, facts=past.facts, before=None)
            put(rows, data)
        for path in (rows, *write_report(report, directory)):
            if not quiet:
                say(f"marco: wrote {path}")


def compared(runs: Sequence[PastRun], baseline: str | None) -> tuple[Comparison, ...]:
    """Compare all variants of some runs with the baseline; of several runs, variants are called RUN/VARIANT.

    RUN is the name of the run's directory, with as many of those above it as tell it from the others.

    Raises:
        ConfigError: there is no such baseline, nothing to compare, or the same run twice.
        InputError: the runs asked different questions under the same ids.
    """
    rows: dict[str, list[Outcome]] = {}
    prefixes = [f"{name}/" for name in _names([run.path for run in runs])] if len(runs) > 1 else [""]
    for run, prefix in zip(runs, prefixes, strict=True):
        for outcome in run.outcomes:
            rows.setdefault(prefix + outcome.variant, []).append(outcome)
    if baseline is not None and baseline not in rows:
        raise ConfigError(f"there is no variant {baseline!r}", hint=did_you_mean(baseline, rows))
    if len(rows) < 2:
        raise ConfigError("there is only one variant", hint="name another run, or a run with several strategies")
    first = baseline or next(iter(rows))
    comparisons = compare_rows({first: rows[first], **rows})
    if not comparisons:
        raise InputError("the variants have no problem in common", hint="compare runs of the same data set")
    return comparisons


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the shortest end of each run's path that no other one has."""
    files = [path.resolve() for path in paths]
    twice = next((path for path, file in zip(paths, files, strict=True) if files.count(file) > 1), None)
    if twice is not None:
        raise ConfigError(f"{twice} is named twice", hint="name each run once; of one run, its variants are compared")
    ends = [_ends(path.absolute()) for path in paths]
    counts = Counter(end for each in ends for end in each)
    return [next(end for end in each if counts[end] == 1) for each in ends]


def _ends(rows: Path) -> list[str]:
    """Return the ends of a path, shortest first: of the directory, or of a file that is not called as usual."""
    parts = (rows.parent if rows.name == ROWS_FILE else rows).parts
    return [Path(*parts[-num:]).as_posix() for num in range(1, len(parts) + 1)]
