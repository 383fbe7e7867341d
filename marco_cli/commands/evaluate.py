"""`marco eval`: how good a model is on this machine, and which strategy is worth its tokens."""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marco_cli.commands import _options as opt
from marco_cli.commands._help import Commands, HelpfulGroup
from marco_cli.commands._output import say, say_all, write, write_result
from marco_cli.commands._page import Open, show_page
from marco_cli.config.option import did_you_mean
from marco_cli.errors import ConfigError, IncompleteError

if TYPE_CHECKING:
    from marco_cli.commands._evaluating import EvaluationPlan


class _DataSetFirst(HelpfulGroup):
    """Takes `marco eval nano …` for `marco eval run nano …`."""

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Offer the data sets beside the commands."""
        from typer.core import CompletionItem  # type: ignore[attr-defined]  # it has no public place

        sets = [CompletionItem(name) for name in _complete_sets(incomplete)]
        return [*sets, *super().shell_complete(ctx, incomplete)]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `run` in front of what is not a command of its own."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            if not args[0].startswith("-") and not ctx.resilient_parsing:
                _check_word(args[0], tuple(self.commands))
            args = ["run", *args]
        return super().parse_args(ctx, args)


def _check_word(word: str, commands: tuple[str, ...]) -> None:
    """Refuse what is neither a command nor a data set, before its options are read."""
    from marco_cli.evals import DATASETS

    if word not in DATASETS:
        expected = ", ".join(DATASETS)
        hint = did_you_mean(word, (*DATASETS, *commands))
        raise ConfigError(f"there is no data set {word!r}, expected one of {expected}", hint=hint)


def _complete_sets(incomplete: str) -> list[str]:
    from marco_cli.evals import DATASETS

    return [name for name in DATASETS if name.startswith(incomplete)]


_data = partial(typer.Option, rich_help_panel="Data")
_run = partial(typer.Option, rich_help_panel="The run and its report")
_EXAMPLES = """
marco eval nano --limit 100                         # cot, vote and mcts on held-out problems
marco eval nano --strategy cot,vote@16,mcts -o run/ # with a report to open
marco eval gsm8k -m marco-o1 --fetch -o gsm8k/
marco eval jsonl --data mine.jsonl -m marco-o1
marco eval compare run/ gsm8k/
"""

app = Commands(
    name="eval",
    help="Measure a model and its strategies: `marco eval nano --strategy cot,vote,mcts`.",
    cls=_DataSetFirst,
    epilog=_EXAMPLES,
)

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A directory that `marco eval -o` wrote.")]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="DIR", help="Keep rows, summary.json, table.md and report.html there."),
]
Precision = Annotated[
    float, _run("--precision", min=0.01, max=1.0, help="Find the threshold above which so many are right.")
]
Price = Annotated[float | None, _run("--price-per-hour", min=0.0, help="What an hour of this machine costs you.")]


@app.command("run", epilog=_EXAMPLES)
@opt.takes_settings(without=("effort", "strategy", "thought", "trace"))
def run_eval(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET", help="Its name; `marco eval sets` lists them.", autocompletion=_complete_sets
        ),
    ],
    *,
    lang: Annotated[str | None, _data("--lang", metavar="LANG[,LANG]", help="Languages: en,zh.")] = None,
    strategies: Annotated[
        str | None,
        typer.Option(
            "--strategy",
            metavar="NAME[@N][+SETTING=VALUE],…",
            help="Strategies or efforts to compare; @N is the number of simulations.",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="Problems at most, a fixed choice.")] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Runs of each sampling strategy.")] = 1,
    draw: Annotated[int, _data("--draw", min=0, help="Seed of the choice that --limit makes.")] = 0,
    data: Annotated[
        Path | None, _data("--data", metavar="FILE|DIR", help="Read the data set from your own copy.")
    ] = None,
    fetch: Annotated[bool, _data("--fetch", help="Download a data set that is not on this machine.")] = False,
    scorer: Annotated[
        str | None, _data("--scorer", help="exact, number, choice, regex, contains, math, check or simple-evals.")
    ] = None,
    output: Output = None,
    resume: Annotated[bool, _run("--resume", help="Go on with the rows that are in DIR.")] = False,
    overwrite: Annotated[bool, _run("--overwrite", help="Begin anew.")] = False,
    force: Annotated[bool, _run("--force", help="Go on although the configuration differs.")] = False,
    rows: Annotated[int, _run("--rows", min=1, max=256, help="Problems worked on at once.")] = 8,
    traces: Annotated[
        Path | None,
        _run(
            "--traces", metavar="FILE", help="Add the trace of each answer to FILE, for `marco traces export --from`."
        ),
    ] = None,
    require_check: Annotated[
        bool, _run("--require-check", help="Exit with 3 unless a check found every answer right.")
    ] = False,
    precision: Precision = 0.95,
    price_per_hour: Price = None,
    is_opened: Open = False,
    given: opt.Given,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Ask a data set and say how many answers are right, with error bars (the word `run` may be left out)."""
    from marco_cli.batch.meta import meta_path
    from marco_cli.commands._batch_output import refuse_as_traces
    from marco_cli.commands._evaluating import REPORTS, EvaluationPlan, run_directory, run_plan, settings_for
    from marco_cli.evals.base import Selection
    from marco_cli.evals.runner import ROWS_FILE
    from marco_cli.evals.selection import check_name, load_items
    from marco_cli.evals.variant import parse_variants

    if resume and overwrite:
        raise ConfigError("--resume and --overwrite exclude each other")
    if resume and output is None:
        raise ConfigError("--resume wants to know what to go on with", hint="name the directory with -o")
    check_name(dataset)
    kept = () if output is None else (meta_path(output / ROWS_FILE), *(output / name for name in (ROWS_FILE, *REPORTS)))
    refuse_as_traces(traces, (*kept, *(() if data is None else (data,))))
    flags = opt.settings_given(given)
    settings, located = settings_for(dataset, flags, os.environ, given["config"])
    variants = parse_variants(_listed(strategies), settings, num_seeds=seeds)
    if require_check and not all(variant.settings.check for variant in variants):
        raise opt.no_check()
    selection = Selection(langs=tuple(_listed(lang)), data=data, limit=limit, draw=draw, may_fetch=fetch, scorer=scorer)
    plan = EvaluationPlan(
        dataset=load_items(dataset, selection),
        variants=variants,
        settings=settings,
        model=located,
        in_flight=rows,
        output=output,
        mode="resume" if resume else "overwrite" if overwrite else "create",
        is_forced=force,
        traces=traces,
        must_be_verified=require_check,
        is_quiet=quiet,
        is_opened=is_opened,
    )
    say_all(() if quiet else plan.dataset.notices)
    with run_directory(output, is_kept=is_opened) as directory:
        is_open = run_plan(plan, directory)
        wanted = {"precision": precision, "price_per_hour": price_per_hour}
        _report(plan, directory, wanted, opens=is_opened and not is_open, as_json=as_json)


_RESCORE_EXAMPLES = """
marco eval rescore run/ --vote majority
marco eval rescore run/ --reward agreement -o again/
"""


@app.command(epilog=_RESCORE_EXAMPLES)
@opt.takes_settings("reward", "vote")
def rescore(
    run: Run,
    *,
    given: opt.Given,
    scorer: Annotated[str | None, typer.Option("--scorer", help="Another rule for what is right.")] = None,
    output: Output = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace rows that are in DIR.")] = False,
    precision: Precision = 0.95,
    price_per_hour: Price = None,
    is_opened: Open = False,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Choose again among the finished paths of a run, by another reward, vote or scorer, without generating."""
    from marco_cli.commands._evaluating import REPORT_PAGE, print_report
    from marco_cli.commands._past_runs import read_run, rescored, write_run
    from marco_cli.evals.report import build_report

    if is_opened and output is None:
        raise ConfigError("--open has no page to open", hint="name a directory for it with -o")
    past = rescored(read_run(run), **given, scorer=scorer)
    about = replace(past.about, precision=precision, price_per_hour=price_per_hour)
    report = build_report(past.outcomes, about)
    if output is not None:
        write_run(past, report, output, overwrite=overwrite, quiet=quiet)
        show_page(output / REPORT_PAGE, is_opened=is_opened, is_quiet=quiet)
    print_report(report, as_json=as_json)


_COMPARE_EXAMPLES = """
marco eval compare run/
marco eval compare run/ other/ --baseline run/cot
"""


@app.command(epilog=_COMPARE_EXAMPLES)
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Directories that `marco eval -o` wrote.")],
    *,
    baseline: Annotated[
        str | None, typer.Option("--baseline", metavar="VARIANT", help="Against which one; the first unless given.")
    ] = None,
    as_json: opt.Json = False,
) -> None:
    """Compare the variants of one or more runs problem by problem: paired tests and a plain verdict."""
    from marco_cli.commands._past_runs import compared, read_run
    from marco_cli.jsonl import encode
    from marco_cli.view.eval_table import comparison_text
    from marco_cli.view.terminal import columns

    comparisons = compared([read_run(path) for path in runs], baseline)
    if as_json:
        write(encode({"v": 1, "comparisons": list(comparisons)}))
        return
    write(comparison_text(comparisons, width=columns(sys.stdout)).encode(errors="replace"))


@app.command("sets")
def list_sets(*, as_json: opt.Json = False) -> None:
    """List the data sets."""
    from marco_cli.evals import DATASETS

    width = max(map(len, DATASETS))
    text = "\n".join(f"{name:<{width}}  {entry.help}" for name, entry in DATASETS.items())
    rows = [{"name": name, "help": entry.help, "scorer": entry.scorer} for name, entry in DATASETS.items()]
    write_result(text, {"sets": rows}, as_json=as_json)


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _report(plan: "EvaluationPlan", directory: Path, wanted: Mapping[str, Any], *, opens: bool, as_json: bool) -> None:
    """Print the report of a run, keep it if it has a place, and refuse a run that is not what was wanted."""
    from marco_cli.commands._batch_output import resume_command
    from marco_cli.commands._evaluating import REPORT_PAGE, print_report, write_report
    from marco_cli.commands._past_runs import read_run
    from marco_cli.evals.report import build_report

    past = read_run(directory)
    labels = plan.about.labels
    report = build_report(past.outcomes, replace(past.about, **wanted, labels=labels))
    is_kept = plan.output is not None or plan.is_opened
    if is_kept:
        for path in write_report(report, directory):
            if not plan.is_quiet:
                say(f"marco: wrote {path}")
        show_page(directory / REPORT_PAGE, is_opened=opens, is_quiet=plan.is_quiet)
    print_report(report, as_json=as_json)
    num_failed = sum(variant.num_errors for variant in report.variants)
    if num_failed:
        again = None if not is_kept else f"try them again with: {resume_command()}"
        raise IncompleteError(f"{num_failed} of {report.num_rows} rows failed", hint=again)
    if not any(variant.num_right + variant.num_wrong for variant in report.variants):
        raise IncompleteError(
            "not one reply holds an answer", hint="is this the model's --preset? more --max-tokens may help too"
        )
    asked = [row for row in past.outcomes if row.variant in labels] if plan.must_be_verified else []
    num_unverified = sum(not row.is_verified for row in asked)
    if num_unverified:
        raise IncompleteError(f"{num_unverified} of {len(asked)} rows have no answer that a check found right")
