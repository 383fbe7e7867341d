"""What a model specification means: catalogue names, references to the hub, paths, quantisations, split files.

In: text that a user typed, and lists of file names. Out: frozen references. It reads `catalog.json` beside it, and looks
whether `user/repo` is a path that exists: no network, no models directory, no sizes or hashes (those come from the hub).
"""

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path, PurePosixPath

from marco_cli.config.home import expanded, is_directory, is_file
from marco_cli.errors import ConfigError, ModelNotFoundError
from marco_cli.models import hub_address

# The end of a GGUF file name by the conventions of the quantisers: `name-Q4_K_M-00001-of-00003.gguf`.
_QUANT = r"(?P<quant>(?:UD-)?I?Q\d\w*|TQ\d_\d|MXFP4\w*|BF16|FP?16|FP?32)"
_SPLIT = r"(?:-(?P<part>\d{5})-of-(?P<count>\d{5}))?\.gguf"
_QUANT_NAME = re.compile(_QUANT, re.IGNORECASE)
_QUANT_AT_END = re.compile(rf".*?[-._]{_QUANT}{_SPLIT}", re.IGNORECASE)
_SPLIT_AT_END = re.compile(rf"(?P<stem>.+?){_SPLIT}", re.IGNORECASE)
_HUB_REFERENCE = re.compile(r"hf:(?P<repo>[^/@]+/[^/@]+)/(?P<file>.+?\.gguf)(?:@(?P<revision>.+))?", re.IGNORECASE)
_REPOSITORY = re.compile(r"(?P<repo>[^/@:]+/[^/@:]+)(?::(?P<quant>[^/@:]*))?(?:@(?P<revision>.+))?")
_REPO_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_NO_WEIGHTS = ("mmproj", "imatrix")
"""What a GGUF file beside the models can hold: the projector of an image model, the statistics of a quantiser."""
_MAX_REPO_NAME = 2 * 96 + 1
"""Characters: the hub allows 96 for the user and for the repository."""
_REVISION = re.compile(r"[\w][\w./-]*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A repository on the hub that holds quantisations of one model."""

    repo: str
    pattern: str
    """File name with `{quant}` in it; folders and split suffixes are not part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A model that is known by a short name."""

    name: str
    title: str
    preset: str
    """The preset whose tags and prompt belong to this model."""
    aliases: tuple[str, ...] = ()
    default: str | None = None
    """The quantisation meant by the bare name when several are installed; None for the bundled model."""
    licence: str | None = None
    sources: tuple[Source, ...] = ()
    """In order of preference; empty for the bundled model."""
    bundled: str | None = None
    """Path inside the package, for the model that needs no download."""
    parameters: float | None = None
    """Billions of weights."""
    size: int | None = None
    """Bytes of the default quantisation, about."""
    is_tried: bool = False
    """Whether this project has run it; the others are named after what their makers and quantisers say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueReference:
    """`name` or `name:quantisation`."""

    entry: Entry
    quantisation: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HubReference:
    """`hf:user/repo/file.gguf[@revision]`."""

    repo: str
    file: str
    revision: str | None
    """None is the repository's main branch, named or not."""

    @property
    def name(self) -> str:
        """Return the shortest specification that means the same."""
        return f"hf:{self.repo}/{self.file}{_at(self.revision)}"

    def spelled(self, spec: str) -> str:
        """Return what to call the model that was asked for as `spec`: that text, but for addresses, which are longer."""
        return spec if spec.lower().startswith("hf:") and not spec.lower().startswith("hf://") else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryReference:
    """`[hf:]user/repo[:quantisation][@revision]`: what a repository has of a quantisation, or has at all."""

    repo: str
    quantisation: str | None
    revision: str | None

    @property
    def name(self) -> str:
        """Return the shortest specification that means the same."""
        quantisation = f":{self.quantisation}" if self.quantisation else ""
        return f"hf:{self.repo}{quantisation}{_at(self.revision)}"

    def file_name(self, file: str) -> str:
        """Return the specification of one file of the repository."""
        return HubReference(repo=self.repo, file=file, revision=self.revision).name


def _at(revision: str | None) -> str:
    return "" if revision is None else f"@{revision}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathReference:
    """A file of the user's own."""

    path: Path


Reference = CatalogueReference | HubReference | RepositoryReference | PathReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One quantisation among a list of files: a single file, or all parts of a split one in order."""

    quantisation: str
    """Empty where the file name tells none."""
    files: tuple[str, ...]


@cache
def entries() -> tuple[Entry, ...]:
    """Return the catalogue in the order of its file."""
    text = resources.files("marco_cli.models").joinpath("catalog.json").read_text(encoding="utf-8")
    return tuple(
        Entry(
            name=name,
            title=row["title"],
            preset=row["preset"],
            aliases=tuple(row.get("aliases", ())),
            default=row.get("default"),
            licence=row.get("licence"),
            sources=tuple(Source(repo=source["repo"], pattern=source["pattern"]) for source in row.get("sources", ())),
            bundled=row.get("bundled"),
            parameters=row.get("parameters"),
            size=None if "gigabytes" not in row else round(row["gigabytes"] * 1e9),
            is_tried=row.get("tried", False),
        )
        for name, row in json.loads(text).items()
    )


def parse(spec: str, *, own_names: Sequence[str] = ()) -> Reference:
    """Read a model specification; raise ConfigError for a malformed one, ModelNotFoundError for an unknown name.

    `own_names` are what the user calls models: the error for an unknown name proposes them too.
    """
    if (address := hub_address.read(spec)) is not None:
        return _hub_reference(address.repo, address.file, address.revision, address.quantisation)
    if spec.lower().startswith("hf:"):
        return _parse_hub(spec)
    name, _, quantisation = spec.partition(":")
    for entry in entries():
        if name.lower() in (entry.name, *entry.aliases):
            return _parse_entry(entry, spec, quantisation if ":" in spec else None)
    if spec.lower().endswith((".gguf", ".part")) or "\\" in spec or spec.startswith((".", "~")):
        return PathReference(path=expanded(spec))
    if "/" in spec:
        path, match = expanded(spec), _REPOSITORY.fullmatch(spec)
        if match is None or not is_repository(match["repo"]) or is_file(path) or is_directory(path):
            return PathReference(path=path)
        return _hub_reference(match["repo"], None, match["revision"], match["quant"])
    raise ModelNotFoundError(
        f"no model is called {spec!r}{did_you_mean(name, (*names(), *own_names))}", hint="marco models list"
    )


def _parse_entry(entry: Entry, spec: str, quantisation: str | None) -> CatalogueReference:
    if quantisation is None:
        return CatalogueReference(entry=entry, quantisation=None)
    if entry.bundled is not None:
        raise ConfigError(f"{entry.name} has one quantisation only, got {spec!r}", hint=f"--model {entry.name}")
    if not _QUANT_NAME.fullmatch(quantisation):
        raise ConfigError(
            f"{quantisation!r} is not a quantisation, expected something like q4_k_m, q8_0 or f16",
            hint=f"marco models pull {entry.name}:{(entry.default or 'q4_k_m').lower()}",
        )
    return CatalogueReference(entry=entry, quantisation=normalise(quantisation))


def _parse_hub(spec: str) -> HubReference | RepositoryReference:
    if match := _HUB_REFERENCE.fullmatch(spec):
        return _hub_reference(match["repo"], match["file"], match["revision"], None)
    if match := _REPOSITORY.fullmatch(spec[3:]):
        return _hub_reference(match["repo"], None, match["revision"], match["quant"])
    raise ConfigError(
        f"got {spec!r}, expected hf:user/repo:Q4_K_M or hf:user/repo/file.gguf, and @revision after it if need be"
    )


def _hub_reference(
    repo: str, file: str | None, revision: str | None, quantisation: str | None
) -> HubReference | RepositoryReference:
    """Check the parts of a reference: they become parts of paths and of addresses."""
    if not is_repository(repo):
        raise ConfigError(f"{repo!r} is not a repository name, expected user/repo")
    if revision is not None and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise ConfigError(f"{revision!r} is not a revision, expected a branch, a tag or a commit")
    revision = None if revision == "main" else revision
    if file is not None:
        if not is_safe(file):
            raise ConfigError(f"{file!r} is not a path inside a repository")
        return HubReference(repo=repo, file=file, revision=revision)
    if quantisation is not None and not _QUANT_NAME.fullmatch(quantisation):
        raise ConfigError(
            f"{quantisation!r} is not a quantisation, expected something like Q4_K_M, Q8_0 or F16",
            hint=f"marco models pull {repo} lists what there is",
        )
    quantisation = None if quantisation is None else normalise(quantisation)
    return RepositoryReference(repo=repo, quantisation=quantisation, revision=revision)


def is_repository(name: str) -> bool:
    """Tell whether a text can be the name of a repository: user/repo."""
    return bool(_REPO_NAME.fullmatch(name)) and ".." not in name and len(name) <= _MAX_REPO_NAME


def is_safe(file: str) -> bool:
    """Tell whether a path from a server or a user stays inside the folder that it is joined to, on any platform."""
    parts = PurePosixPath(file).parts
    return (
        bool(parts)
        and "/".join(parts) == file
        and all(part.strip(". ") and part == part.strip() for part in parts)
        and not any(character in '\\:*?"<>|' or not character.isprintable() for character in file)
    )


def names() -> tuple[str, ...]:
    """Return every name and alias of the catalogue."""
    return tuple(name for entry in entries() for name in (entry.name, *entry.aliases))


def search(words: str) -> tuple[Entry, ...]:
    """Return the entries whose names and title hold every word, whatever its case and the signs in it; all for none."""
    wanted = [_letters(word) for word in words.split()]
    return tuple(
        entry
        for entry in entries()
        if all(word in _letters(" ".join((entry.name, *entry.aliases, entry.title))) for word in wanted)
    )


def _letters(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `, did you mean a or b?` for near misses; empty when nothing is near."""
    near = difflib.get_close_matches(word.lower(), tuple(known), n=2, cutoff=0.5)
    return f", did you mean {' or '.join(near)}?" if near else ""


def normalise(quantisation: str) -> str:
    """Return the usual spelling of a quantisation: `q4_k_m` -> `Q4_K_M`, `fp16` -> `F16`."""
    return quantisation.upper().replace("FP16", "F16").replace("FP32", "F32")


def quantisation_of(file: str) -> str | None:
    """Return the quantisation that a file name ends with; None when it follows no convention."""
    match = _QUANT_AT_END.fullmatch(PurePosixPath(file).name)
    return normalise(match["quant"]) if match else None


def parts_of(file: str) -> tuple[str, ...]:
    """Return the names of all parts of a split file, in order; the file alone when it is not split."""
    match = _SPLIT_AT_END.fullmatch(file)
    if match is None or match["part"] is None:
        return (file,)
    count = int(match["count"])
    return tuple(f"{match['stem']}-{part:05}-of-{count:05}{file[-5:]}" for part in range(1, count + 1))


def variants(files: Iterable[str], source: Source) -> tuple[Variant, ...]:
    """Return the quantisations of a source among file names; split sets with a missing part are left out."""
    prefix, _, _ = source.pattern.partition("{quant}")
    pattern = re.compile(re.escape(prefix) + _QUANT + _SPLIT, re.IGNORECASE)
    present = set(files)
    found: dict[str, Variant] = {}
    for file in sorted(present):
        match = pattern.fullmatch(PurePosixPath(file).name)
        parts = parts_of(file)
        if match is None or file != parts[0] or not present.issuperset(parts):
            continue
        quantisation = normalise(match["quant"])
        found.setdefault(quantisation, Variant(quantisation=quantisation, files=parts))
    return tuple(found.values())


def weights(files: Iterable[str]) -> tuple[Variant, ...]:
    """Return every model among the files of a repository, without projectors, importance matrices and incomplete sets."""
    present = set(files)
    found = []
    for file in sorted(present):
        parts = parts_of(file)
        is_model = not any(word in PurePosixPath(file).name.lower() for word in _NO_WEIGHTS)
        if is_model and file == parts[0] and present.issuperset(parts):
            found.append(Variant(quantisation=quantisation_of(file) or "", files=parts))
    return tuple(found)


def matching(reference: RepositoryReference, among: Sequence[Variant]) -> tuple[Variant, ...]:
    """Return the models that a reference means: all of them where it names no quantisation."""
    wanted = reference.quantisation
    if wanted is None:
        return tuple(among)
    exact = tuple(variant for variant in among if variant.quantisation == wanted)
    return exact or tuple(variant for variant in among if variant.quantisation.removeprefix("UD-") == wanted)


def pick(quantisation: str, among: Sequence[Variant]) -> Variant | None:
    """Return the variant with a quantisation in its usual spelling; None when it is not among them."""
    return next((variant for variant in among if variant.quantisation == quantisation), None)
