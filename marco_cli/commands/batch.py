"""`marco batch`: a file of questions in, a file of answers out."""

import os
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from marco_cli.commands import _options as opt
from marco_cli.errors import ConfigError

_row = partial(typer.Option, rich_help_panel="Rows")
_run = partial(typer.Option, rich_help_panel="Going on and giving up")
EXAMPLES = """
marco batch questions.jsonl -o answers.jsonl -m marco-nano
marco batch questions.jsonl -o answers.jsonl -m marco-nano --resume
marco batch questions.jsonl -m marco-nano --dry-run          # how long it would take
cat questions.jsonl | marco batch - -m marco-nano | jq .answer
marco batch requests.jsonl --format openai -m marco-nano -o results.jsonl
"""


@opt.takes_settings(without=("parallel", "thought", "trace"))
def batch(
    source: Annotated[str, typer.Argument(metavar="IN", help="JSON lines to answer; `-` is stdin. May be gzipped.")],
    *,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="OUT", help="File to write to, a row at a time; `-` is stdout.")
    ] = "-",
    field: Annotated[
        str | None, _row("--field", metavar="NAME", help="Key of the question, if not prompt or question.")
    ] = None,
    text: Annotated[bool, _row("--text", help="Each line of IN is a question, not JSON.")] = False,
    form: Annotated[
        Literal["marco", "openai"], _row("--format", help="Rows of our own, or OpenAI Batch envelopes.")
    ] = "marco",
    min_confidence: Annotated[
        float | None, _row("--min-confidence", min=0, max=1, metavar="X", help="Mark answers below as abstained.")
    ] = None,
    rows: Annotated[
        int | None, _row("--parallel", min=1, max=255, metavar="N", help="Rows in flight. Default: what fills a batch.")
    ] = None,
    resume: Annotated[bool, _run("--resume", help="Go on with OUT: answer what it does not hold yet.")] = False,
    retry_errors: Annotated[
        bool, _run("--retry-errors", help="Resume, and answer rows again that failed or had no output.")
    ] = False,
    overwrite: Annotated[bool, _run("--overwrite", help="Begin OUT anew.")] = False,
    force: Annotated[bool, _run("--force", help="Resume even if another configuration made OUT.")] = False,
    fail_fast: Annotated[bool, _run("--fail-fast", help="Stop at the first row that fails.")] = False,
    max_errors: Annotated[
        str | None, _run("--max-errors", metavar="N|P%", help="Stop when more rows of this run fail.")
    ] = None,
    require_check: Annotated[
        bool, _run("--require-check", help="Exit with 3 unless a check found every answer right; all rows are written.")
    ] = False,
    traces: Annotated[
        Path | None,
        _run(
            "--traces", metavar="FILE", help="Add the trace of each answer to FILE, for `marco traces export --from`."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and count the rows, answer a few, and say how long all would take.")
    ] = False,
    given: opt.Given,
    quiet: opt.Quiet = False,
) -> None:
    """Answer the rows of a file or a stream, in order; every finished row is on the disk. Ctrl-C, then --resume."""
    from marco_cli.batch.lines import STDIN
    from marco_cli.batch.meta import meta_path
    from marco_cli.batch.rows import Layout
    from marco_cli.batch.tally import ErrorLimit
    from marco_cli.commands._batch_output import refuse_as_traces
    from marco_cli.commands._batching import BatchJob, run_job
    from marco_cli.config.layers import resolve
    from marco_cli.solver import resolve_settings

    if sum((resume or retry_errors, overwrite)) > 1:
        raise ConfigError("--resume goes on with OUT, --overwrite begins it anew", hint="choose one of them")
    if fail_fast and max_errors is not None:
        raise ConfigError("--fail-fast is --max-errors 0", hint="choose one of them")
    if text and field is not None:
        raise ConfigError("--text has no fields, --field needs JSON", hint="choose one of them")
    job = BatchJob(
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
        must_be_verified=require_check,
        traces=traces,
        is_dry=dry_run,
        is_quiet=quiet,
    )
    read = () if source == STDIN else (Path(source),)
    refuse_as_traces(traces, (*read, *(() if job.output is None else (job.output, meta_path(job.output)))))
    flags, config = opt.settings_given(given), given["config"]
    settings, located = resolve_settings(flags, os.environ, config)
    run_job(
        job,
        settings,
        located,
        resolve=lambda name: resolve(flags={**flags, "preset": name}, env=os.environ, config=config).settings,
    )
