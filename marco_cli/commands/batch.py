"""`marco batch`: a file of questions in, a file of answers out."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from marco_cli.commands import _options as opt
from marco_cli.errors import ConfigError

_ROWS = "Rows"
_RUN = "Going on and giving up"
EXAMPLES = """
marco batch questions.jsonl -o answers.jsonl -m marco-nano
marco batch questions.jsonl -o answers.jsonl -m marco-nano --resume
marco batch questions.jsonl -m marco-nano --dry-run          # how long it would take
cat questions.jsonl | marco batch - -m marco-nano | jq .answer
marco batch requests.jsonl --format openai -m marco-nano -o results.jsonl
"""


def batch(
    source: Annotated[str, typer.Argument(metavar="IN", help="JSON lines to answer; `-` is stdin. May be gzipped.")],
    *,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="OUT", help="File to write to, a row at a time; `-` is stdout.")
    ] = "-",
    field: Annotated[
        str | None,
        typer.Option(
            "--field", metavar="NAME", rich_help_panel=_ROWS, help="Key of the question, if not prompt or question."
        ),
    ] = None,
    text: Annotated[
        bool, typer.Option("--text", rich_help_panel=_ROWS, help="Each line of IN is a question, not JSON.")
    ] = False,
    form: Annotated[
        Literal["marco", "openai"],
        typer.Option("--format", rich_help_panel=_ROWS, help="Rows of our own, or OpenAI Batch envelopes."),
    ] = "marco",
    min_confidence: Annotated[
        float | None,
        typer.Option(
            "--min-confidence",
            min=0,
            max=1,
            metavar="X",
            rich_help_panel=_ROWS,
            help="Mark answers below as abstained.",
        ),
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(
            "--parallel",
            min=1,
            max=255,
            metavar="N",
            rich_help_panel=_ROWS,
            help="Rows in flight. Default: what fills a batch.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", rich_help_panel=_RUN, help="Go on with OUT: answer what it does not hold yet.")
    ] = False,
    retry_errors: Annotated[
        bool,
        typer.Option(
            "--retry-errors", rich_help_panel=_RUN, help="Resume, and answer rows again that failed or had no output."
        ),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", rich_help_panel=_RUN, help="Begin OUT anew.")] = False,
    force: Annotated[
        bool, typer.Option("--force", rich_help_panel=_RUN, help="Resume even if another configuration made OUT.")
    ] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", rich_help_panel=_RUN, help="Stop at the first row that fails.")
    ] = False,
    max_errors: Annotated[
        str | None,
        typer.Option(
            "--max-errors",
            metavar="N|P%",
            rich_help_panel=_RUN,
            help="Stop when more rows of this run fail.",
            show_default=False,
        ),
    ] = None,
    traces: Annotated[
        Path | None,
        typer.Option(
            "--traces",
            metavar="FILE",
            rich_help_panel=_RUN,
            help="Add the trace of each answer to FILE, for `marco traces export --from`.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and count the rows, answer a few, and say how long all would take.")
    ] = False,
    model: opt.Model = None,
    effort: opt.Effort = None,
    time_limit: opt.TimeLimit = None,
    system: opt.System = None,
    preset: opt.Preset = None,
    think: opt.Think = None,
    quiet: opt.Quiet = False,
    assignments: opt.Assignments = None,
    help_all: opt.HelpAll = False,
    strategy: opt.Strategy = None,
    simulations: opt.Simulations = None,
    temperature: opt.Temperature = None,
    max_tokens: opt.MaxTokens = None,
    seed: opt.Seed = None,
    max_search_tokens: opt.MaxSearchTokens = None,
    certainty: opt.Certainty = None,
    step: opt.Step = None,
    reflection: opt.Reflection = None,
    reward: opt.Reward = None,
    vote: opt.Vote = None,
    critic: opt.Critic = None,
    doubt_below: opt.DoubtBelow = None,
    check: opt.Check = None,
    top_p: opt.TopP = None,
    top_k: opt.TopK = None,
    min_p: opt.MinP = None,
    repeat_penalty: opt.RepeatPenalty = None,
    max_thought_tokens: opt.MaxThoughtTokens = None,
    variables: opt.Variables = None,
    chat_template: opt.ChatTemplate = None,
    template_var: opt.TemplateVar = None,
    ctx: opt.Context = None,
    threads: opt.Threads = None,
    gpu_layers: opt.GpuLayers = None,
    config: opt.Config = None,
) -> None:
    """Answer the rows of a file or a stream, in order; every finished row is on the disk. Ctrl-C, then --resume."""
    given = dict(locals())
    from marco_cli.batch.lines import STDIN
    from marco_cli.batch.meta import meta_path
    from marco_cli.batch.rows import Layout
    from marco_cli.batch.tally import ErrorLimit
    from marco_cli.commands._batch_output import refuse_as_traces
    from marco_cli.commands._batching import Job, run_job
    from marco_cli.config.layers import resolve
    from marco_cli.solver import resolve_settings

    if sum((resume or retry_errors, overwrite)) > 1:
        raise ConfigError("--resume goes on with OUT, --overwrite begins it anew", hint="choose one of them")
    if fail_fast and max_errors is not None:
        raise ConfigError("--fail-fast is --max-errors 0", hint="choose one of them")
    if text and field is not None:
        raise ConfigError("--text has no fields, --field needs JSON", hint="choose one of them")
    job = Job(
        source=source,
        output=None if output == "-" else Path(output),
        layout=Layout(is_text=text, field=field),
        form=form,
        min_confidence=min_confidence,
        parallel=rows,
        mode="overwrite" if overwrite else "resume" if resume or retry_errors else "create",
        is_retrying=retry_errors,
        is_forced=force,
        limit=ErrorLimit(count=0) if fail_fast else None if max_errors is None else ErrorLimit.parse(max_errors),
        traces=traces,
        is_dry=dry_run,
        is_quiet=quiet,
    )
    read = () if source == STDIN else (Path(source),)
    refuse_as_traces(traces, (*read, *(() if job.output is None else (job.output, meta_path(job.output)))))
    flags = opt.settings_given(given)
    settings, located = resolve_settings(flags, os.environ, config)
    run_job(
        job,
        settings,
        located,
        resolve=lambda name: resolve(flags={**flags, "preset": name}, env=os.environ, config=config).settings,
    )
