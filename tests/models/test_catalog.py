"""What a specification means."""

from pathlib import Path

import pytest
from tables import table

from marco_cli.config.preset import preset_names
from marco_cli.errors import ConfigError, ModelNotFoundError
from marco_cli.models import catalog
from marco_cli.models.catalog import CatalogueReference, HubReference, PathReference, RepositoryReference, Source

MARCO_FILES = (
    ".gitattributes",
    "README.md",
    "Marco-o1-IQ4_XS.gguf",
    "Marco-o1-Q2_K.gguf",
    "Marco-o1-Q4_0_4_8.gguf",
    "Marco-o1-Q4_K_M.gguf",
    "Marco-o1-Q8_0.gguf",
    "Marco-o1-f32.gguf",
)


def test_every_entry_can_be_used() -> None:
    """Each entry has a preset and either a bundled file or sources whose pattern has a place for the quantisation."""
    names = [entry.name for entry in catalog.entries()]

    assert names[:2] == ["marco-nano", "marco-o1"]
    assert {"deepseek-r1-qwen-1.5b", "deepseek-r1-qwen-7b", "qwq", "qwen3-0.6b", "qwen3-4b-thinking"} <= set(names)
    assert len(catalog.names()) == len(set(catalog.names()))
    for entry in catalog.entries():
        assert entry.preset in preset_names()
        assert (entry.parameters is None) == (entry.size is None) == (entry.bundled is not None)
        assert (entry.bundled is None) == bool(entry.sources) == bool(entry.licence) == bool(entry.default)
        for source in entry.sources:
            assert source.pattern.count("{quant}") == 1
            assert catalog._REPO_NAME.fullmatch(source.repo)
            [found] = catalog.variants([source.pattern.format(quant=entry.default)], source)
            assert found.quantisation == entry.default


@table(
    [
        ("marco-o1", "marco-o1", None),
        ("Marco-O1", "marco-o1", None),
        ("marco", "marco-o1", None),
        ("marco-o1:q8_0", "marco-o1", "Q8_0"),
        ("marco-o1:Q4_K_M", "marco-o1", "Q4_K_M"),
        ("marco-o1:f16", "marco-o1", "F16"),
        ("qwq:fp16", "qwq", "F16"),
        ("qwq:iq4_xs", "qwq", "IQ4_XS"),
        ("marco-nano", "marco-nano", None),
    ]
)
def test_a_name_is_an_entry_and_a_quantisation(spec: str, name: str, quantisation: str | None) -> None:
    """Case does not matter, and fp16 is another word for f16."""
    reference = catalog.parse(spec)

    assert isinstance(reference, CatalogueReference)
    assert (reference.entry.name, reference.quantisation) == (name, quantisation)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("hf:u/r/f.gguf", ("u/r", "f.gguf", None)),
        ("hf:u/r/f.gguf@main", ("u/r", "f.gguf", None)),
        ("hf:u/r/f.gguf@v1", ("u/r", "f.gguf", "v1")),
        ("hf:u/r/a b/f-00001-of-00002.gguf@refs/pr/1", ("u/r", "a b/f-00001-of-00002.gguf", "refs/pr/1")),
        ("HF:U.x/r-1/F.GGUF", ("U.x/r-1", "F.GGUF", None)),
    ],
)
def test_a_hub_reference_names_repository_file_and_revision(spec: str, expected: tuple[str, str, str | None]) -> None:
    """`hf:user/repo/file.gguf[@revision]`, folders included."""
    reference = catalog.parse(spec)

    assert isinstance(reference, HubReference)
    assert (reference.repo, reference.file, reference.revision) == expected


REPOSITORIES = [
    ("hf:u/r", ("u/r", None, None)),
    ("u/r", ("u/r", None, None)),
    ("hf:u/r:q4_k_m", ("u/r", "Q4_K_M", None)),
    ("u/r:Q4_K_M", ("u/r", "Q4_K_M", None)),
    ("u/r:fp16", ("u/r", "F16", None)),
    ("u/r:UD-Q4_K_XL", ("u/r", "UD-Q4_K_XL", None)),
    ("u/r-1.5B_x:IQ4_XS@v1", ("u/r-1.5B_x", "IQ4_XS", "v1")),
    ("hf:u/r@refs/pr/1", ("u/r", None, "refs/pr/1")),
    ("hf:u/r@main", ("u/r", None, None)),
    ("https://huggingface.co/u/r", ("u/r", None, None)),
    ("https://huggingface.co/u/r/", ("u/r", None, None)),
    ("https://huggingface.co/u/r/tree/main", ("u/r", None, None)),
    ("https://huggingface.co/u/r/tree/v2/sub", ("u/r", None, "v2")),
    ("https://huggingface.co/u/r?library=llama-cpp-python", ("u/r", None, None)),
    ("https://huggingface.co/u/r/discussions/3", ("u/r", None, None)),
    ("HTTPS://WWW.HuggingFace.co/U/R#x", ("U/R", None, None)),
    ("http://hf.co/u/r:Q8_0", ("u/r", "Q8_0", None)),
    ("hf.co/u/r:Q4_K_M", ("u/r", "Q4_K_M", None)),
    ("huggingface.co/u/r", ("u/r", None, None)),
    ("https://user:secret@huggingface.co:443/u/r", ("u/r", None, None)),
    ("hf://u/r", ("u/r", None, None)),
    ("https://mirror.example:8080/u/r", ("u/r", None, None)),
]


@pytest.mark.parametrize(("spec", "expected"), REPOSITORIES)
def test_a_repository_is_named_in_every_form_that_people_paste(
    spec: str, expected: tuple[str, str | None, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without `hf:`, with a quantisation, as an address of the hub or of the mirror in use."""
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example:8080")

    reference = catalog.parse(spec)

    assert isinstance(reference, RepositoryReference)
    assert (reference.repo, reference.quantisation, reference.revision) == expected
    assert catalog.parse(reference.name) == reference


@table(
    [
        ("https://huggingface.co/u/r/blob/main/f.gguf", ("u/r", "f.gguf", None)),
        ("https://huggingface.co/u/r/resolve/main/sub/f.gguf?download=true", ("u/r", "sub/f.gguf", None)),
        ("https://huggingface.co/u/r/resolve/v1/a%20b.gguf", ("u/r", "a b.gguf", "v1")),
        ("https://huggingface.co/u/r/blob/refs%2Fpr%2F1/f.gguf", ("u/r", "f.gguf", "refs/pr/1")),
        ("https://huggingface.co/u/r/blob/refs/pr/1/f.gguf", ("u/r", "f.gguf", "refs/pr/1")),
        ("https://huggingface.co/u/r?show_file_info=f-Q8_0.gguf", ("u/r", "f-Q8_0.gguf", None)),
        ("hf.co/u/r/blob/main/f.GGUF", ("u/r", "f.GGUF", None)),
        ("hf://u/r/sub/f.gguf", ("u/r", "sub/f.gguf", None)),
    ]
)
def test_a_file_is_named_by_the_address_of_its_page(spec: str, expected: tuple[str, str, str | None]) -> None:
    """The page, the download link and the viewer of one file all mean that file."""
    reference = catalog.parse(spec)

    assert isinstance(reference, HubReference)
    assert (reference.repo, reference.file, reference.revision) == expected
    assert catalog.parse(reference.name) == reference


@pytest.mark.parametrize("name", ["blobs/file", "models/dir"])
def test_a_path_that_exists_is_a_path_even_where_it_reads_like_a_repository(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`hf:` before it means the repository."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "dir").mkdir(parents=True)
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "file").write_bytes(b"GGUF")

    assert isinstance(catalog.parse(name), PathReference)
    assert isinstance(catalog.parse(f"hf:{name}"), RepositoryReference)


def test_only_whole_models_are_weights() -> None:
    """Projectors, importance matrices and incomplete sets are not models; a quantisation is matched with or without UD-."""
    files = [
        "m-Q4_K_M.gguf", "m-UD-Q5_K_XL.gguf", "mmproj-m-f16.gguf", "m.imatrix.gguf", "README.md.gguf",
        "s-Q8_0-00001-of-00002.gguf", "s-Q8_0-00002-of-00002.gguf", "t-Q8_0-00001-of-00002.gguf",
    ]  # fmt: skip

    found = catalog.weights(files)

    assert [(variant.quantisation, len(variant.files)) for variant in found] == [
        ("", 1), ("Q4_K_M", 1), ("UD-Q5_K_XL", 1), ("Q8_0", 2),
    ]  # fmt: skip
    reference = catalog.parse("hf:u/r:q5_k_xl")
    assert isinstance(reference, RepositoryReference)
    assert [variant.files for variant in catalog.matching(reference, found)] == [("m-UD-Q5_K_XL.gguf",)]


@table(["model.gguf", "./model", "/a/b", "~/m.gguf", r"C:\models\m.gguf", "m.gguf.part"])
def test_what_looks_like_a_path_is_a_path(spec: str) -> None:
    """A separator, a leading dot or tilde, or the ending decide; whether it exists does not."""
    assert isinstance(catalog.parse(spec), PathReference)


@table(
    [
        "hf:",
        "hf:user",
        "hf:user/repo:",
        "hf:user/repo:tiny",
        "hf:user/repo:Q4_K_M/x",
        "hf:user/repo:Q4_K_M@../x",
        "hf:../repo:Q4_K_M",
        "user/repo:tiny",
        "user/repo:",
        f"hf:user/{'r' * 300}",
        "https://huggingface.co/user",
        "https://huggingface.co/datasets/user/repo",
        "https://huggingface.co/user/repo/blob/main/README.md",
        "https://huggingface.co/user/../blob/main/x.gguf",
        "https://huggingface.co/user/repo/resolve/main/..%2F..%2Fx.gguf",
        "https://huggingface.co/user/repo/resolve/..%2Fmain/x.gguf",
        "https://example.com/user/repo/resolve/main/x.gguf",
        "http://[::1",
        "hf://user",
        "hf:user/repo/model.bin",
        "hf:user/repo/../../x.gguf",
        "hf:../repo/x.gguf",
        "hf:user/../x.gguf",
        "hf:user/repo//x.gguf",
        "hf:user/repo/a\\..\\x.gguf",
        "hf:user/repo/x\n.gguf",
        "hf:user/repo/C:x.gguf",
        "hf:user/repo/x.gguf@../main",
        "hf:user/repo/x.gguf@-rf",
        "marco-o1:tiny",
        "marco-o1:",
        "marco-nano:q8_0",
    ]
)
def test_a_malformed_specification_is_a_usage_error(spec: str) -> None:
    """Nothing that could leave a folder or that means nothing gets past the parser."""
    with pytest.raises(ConfigError):
        catalog.parse(spec)


def test_an_unknown_name_names_its_neighbours() -> None:
    """A typing error is answered with what was probably meant."""
    with pytest.raises(ModelNotFoundError, match="did you mean marco-o1") as caught:
        catalog.parse("marco-01")

    assert caught.value.exit_code == 4
    assert caught.value.hint == "marco models list"


@table(
    [
        ("m.gguf", True),
        ("fp16/m-00001-of-00002.gguf", True),
        ("模型.gguf", True),
        ("", False),
        ("/m.gguf", False),
        ("../m.gguf", False),
        ("a/../m.gguf", False),
        ("a/./m.gguf", False),
        ("a//m.gguf", False),
        ("a/.. /m.gguf", False),
        ("a/.../m.gguf", False),
        ("a\\m.gguf", False),
        ("C:m.gguf", False),
        ("m.gguf\x00", False),
        ("\x1b[2Jm.gguf", False),
        ("m\u202e.gguf", False),
    ]
)
def test_only_plain_relative_paths_are_safe(path: str, is_safe: bool) -> None:
    """On any platform, joining a safe path to a folder stays inside it, and printing it does nothing."""
    assert catalog.is_safe(path) is is_safe


@table(
    [
        ("Marco-o1-Q4_K_M.gguf", "Q4_K_M"),
        ("Marco-o1.Q8_0.gguf", "Q8_0"),
        ("qwq-32b-fp16-00001-of-00017.gguf", "F16"),
        ("x/Model-BF16.gguf", "BF16"),
        ("marco-nano.gguf", None),
        ("Marco-o1.gguf", None),
    ]
)
def test_a_file_name_tells_its_quantisation(file: str, quantisation: str | None) -> None:
    """By the conventions of the known quantisers; None where there is no convention."""
    assert catalog.quantisation_of(file) == quantisation


def test_the_parts_of_a_split_file_follow_from_any_of_them() -> None:
    """All parts are named, in order, with the name's own spelling."""
    assert catalog.parts_of("d/m-Q8_0-00002-of-00003.gguf") == (
        "d/m-Q8_0-00001-of-00003.gguf",
        "d/m-Q8_0-00002-of-00003.gguf",
        "d/m-Q8_0-00003-of-00003.gguf",
    )
    assert catalog.parts_of("m.gguf") == ("m.gguf",)


def test_variants_are_the_quantisations_among_the_files_of_a_repository() -> None:
    """Files that are not weights are not taken for any."""
    source = Source(repo="u/r", pattern="Marco-o1-{quant}.gguf")

    found = {variant.quantisation: variant.files for variant in catalog.variants(MARCO_FILES, source)}

    assert found.keys() == {"IQ4_XS", "Q2_K", "Q4_0_4_8", "Q4_K_M", "Q8_0", "F32"}
    assert found["Q4_K_M"] == ("Marco-o1-Q4_K_M.gguf",)


def test_a_split_variant_needs_all_of_its_parts() -> None:
    """A set with a hole is not offered; folders do not matter."""
    source = Source(repo="u/r", pattern="qwq-32b-{quant}.gguf")
    parts = [f"fp16/qwq-32b-fp16-0000{part}-of-00003.gguf" for part in (1, 2, 3)]

    (variant,) = catalog.variants(parts, source)

    assert (variant.quantisation, variant.files) == ("F16", tuple(parts))
    assert catalog.variants(parts[:2], source) == ()
    assert catalog.variants(parts[1:], source) == ()
