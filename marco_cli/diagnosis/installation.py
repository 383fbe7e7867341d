"""Checks of what the user has set up: configuration, models, unfinished transfers."""

from pathlib import Path

from marco_cli.config.file import config_path
from marco_cli.diagnosis.case import Case
from marco_cli.diagnosis.finding import Finding, broken, ok, warn
from marco_cli.models import LocatedModel, installed, store
from marco_cli.models.choice import BUNDLED_MODEL, DEFAULT_MODEL
from marco_cli.models.memory import gib


def configuration(case: Case) -> Finding:
    """Check the configuration file, the environment and the preset: what is wrong there is raised by reading them.

    Raises:
        ConfigError: the first thing that is wrong.
    """
    origins = dict(case.stated.origins).values()
    path = config_path(case.config, case.environ)
    in_file = sum(origin.startswith("config ") for origin in origins)
    in_environment = sum(origin.startswith("env ") for origin in origins)
    where = f"{in_file} settings in {path}" if path else "no configuration file"
    return ok(
        "configuration",
        f"{where}, {in_environment} in the environment",
        path=str(path) if path else None,
        in_file=in_file,
        in_environment=in_environment,
    )


def models(case: Case) -> Finding:
    """Check that a model is here, that files have the size which was recorded for them, and that hashes are recorded."""
    here = installed(case.environ)
    named = ", ".join(model.name for model in here) or "none"
    figures = {"installed": len(here), "hashes": sum(None not in model.hashes for model in here)}
    for model in here:
        if cut := next((path for path in model.files if not _has_recorded_size(path)), None):
            fix = f"marco models rm -y {model.name} && marco models pull {model.name}"
            return broken("models", f"{cut} is not as long as it was when it was fetched", fix=fix, **figures)
    if all(model.source == "bundled" for model in here):
        what = f"only {BUNDLED_MODEL}, the bundled demo model, is here" if here else "no model is here"
        return warn("models", what, fix=f"marco models pull {DEFAULT_MODEL}", **figures)
    if unvouched := next((model for model in here if _lacks_hash(model)), None):
        what = f"{named}; nothing vouches for {unvouched.name}: no hash is recorded"
        return warn("models", what, fix=f"marco models pull {unvouched.name}", **figures)
    return ok("models", f"{named}; marco models verify reads them from end to end", **figures)


def _has_recorded_size(path: Path) -> bool:
    record = store.read_record(path)
    return record is None or record.size == path.stat().st_size


def _lacks_hash(model: LocatedModel) -> bool:
    """Say whether a hash is missing that a pull would record; files that the user put there have none."""
    return model.evidence == "none" and model.name != str(model.path)


def transfers(case: Case) -> Finding:
    """Check for transfers that have not come to their end."""
    left = store.unfinished(case.environ)
    if not left:
        return ok("transfers", "none is unfinished", unfinished=0)
    size = sum(transfer.done for transfer in left)
    names = ", ".join(transfer.name for transfer in left)
    return warn(
        "transfers",
        f"unfinished: {names} ({gib(size)} are here)",
        fix="marco models pull continues one, marco models rm --unfinished drops them all",
        unfinished=len(left),
        bytes=size,
    )
