"""`marco models` as a user meets it: what goes to stdout, what to stderr, and how it ends."""

import hashlib
import json
import multiprocessing
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fake_hub
import killable_pull
import pytest
from commands.program import Marco
from fake_hub import TOKEN, FakeHub, Fault
from patience import PATIENCE
from small_gguf import mutate, write_model
from typer.testing import CliRunner, Result

from marco_cli.commands.models import app
from marco_cli.errors import ConfigError, EngineError, MarcoError, ModelNotFoundError, NetworkError, StorageError
from marco_cli.models import store

REPO = "user/repo"
SPEC = f"hf:{REPO}/tiny-Q8_0.gguf"
KILLS = int(os.environ.get("MARCO_TEST_KILLS", "10"))
MUTATIONS = int(os.environ.get("MARCO_TEST_MUTATIONS", "40"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    """Return a hub with one small model, and a user with a token and empty directories."""
    with fake_hub.running() as running:
        running.repos[REPO] = {"tiny-Q8_0.gguf": write_model(tmp_path / "tiny.gguf").read_bytes()}
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("MARCO_MODELS_DIR", str(tmp_path / "models"))
        monkeypatch.setenv("_TYPER_FORCE_DISABLE_TERMINAL", "1")
        yield running


def run(*arguments: str) -> Result:
    """Run `marco models ARGUMENTS…`; errors stay exceptions."""
    return CliRunner().invoke(app, arguments)


def run_json(*arguments: str) -> dict[str, Any]:
    """Run a command that succeeds and return the object that it prints."""
    outcome = run(*arguments, "--json")
    assert outcome.exit_code == 0, outcome.exception
    document = json.loads(outcome.stdout)
    assert document["v"] == 1
    return dict(document)


def refusal(*arguments: str) -> MarcoError:
    """Run a command that fails and return its error."""
    error = run(*arguments).exception
    assert isinstance(error, MarcoError), error
    return error


def test_pull_prints_the_path_and_talks_on_stderr(server: FakeHub) -> None:
    """The result is one line that a script can use."""
    outcome = run("pull", SPEC)

    path = Path(outcome.stdout.rstrip("\n"))
    assert outcome.stdout.count("\n") == 1
    assert path.read_bytes() == server.repos[REPO]["tiny-Q8_0.gguf"]
    assert f"from {REPO} to" in outcome.stderr
    assert "verified" in outcome.stderr
    assert "\x1b" not in outcome.output


def test_every_command_has_a_machine_readable_form(server: FakeHub) -> None:
    """One JSON object each, with a version."""
    pulled = run_json("pull", SPEC)
    size = len(server.repos[REPO]["tiny-Q8_0.gguf"])
    assert pulled["received"] == size
    assert pulled["model"]["size"] == size
    assert pulled["model"]["sha256"] == [hashlib.sha256(server.repos[REPO]["tiny-Q8_0.gguf"]).hexdigest()]

    assert [row["name"] for row in run_json("list")["models"] if row["source"] != "bundled"] == [SPEC]
    assert run_json("path", SPEC)["model"]["path"] == pulled["model"]["path"]
    facts = run_json("info", SPEC, "--ctx", "100", "--parallel", "2")
    assert facts["header"]["architecture"] == "qwen2"
    assert facts["memory"]["kv_cache"] == 100 * 192 * 2
    assert facts["memory"]["outputs"] == 2 * 500 * 4
    assert [row["ok"] for row in run_json("verify", SPEC)["files"]] == [True]
    assert run_json("rm", SPEC, "--yes")["freed"] > size
    assert [row["name"] for row in run_json("list")["models"] if row["source"] != "bundled"] == []


def test_a_dry_run_says_what_would_be_fetched(server: FakeHub) -> None:
    """Name, size and hashes as the hub states them; nothing is written."""
    plan = run_json("pull", SPEC, "--dry-run")["plan"]

    assert plan["size"] == len(server.repos[REPO]["tiny-Q8_0.gguf"])
    assert plan["files"][0]["sha256"] == hashlib.sha256(server.repos[REPO]["tiny-Q8_0.gguf"]).hexdigest()
    assert not store.directory().exists()


def test_a_proposed_quantisation_is_explained(server: FakeHub) -> None:
    """`pull marco-o1` says which one it takes, why, how large it is, and under which licence."""
    server.repos["bartowski/Marco-o1-GGUF"] = {"Marco-o1-Q4_K_M.gguf": server.repos[REPO]["tiny-Q8_0.gguf"]}

    outcome = run("pull", "marco-o1")

    assert outcome.exit_code == 0
    assert "marco-o1:q4_k_m" in outcome.stderr
    assert "the largest that fits" in outcome.stderr
    assert "huggingface.co/AIDC-AI/Marco-o1" in outcome.stderr
    server.requests.clear()
    assert run("pull", "marco-o1").stderr.startswith("marco-o1:q4_k_m is already here")
    assert server.requests == []


@pytest.mark.parametrize("how", ["--offline", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "MARCO_OFFLINE"])
def test_offline_is_final(server: FakeHub, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """No request is made; what is here is found, what is not is exit 4."""
    run("pull", SPEC)
    server.requests.clear()
    flags = [how] if how.startswith("--") else []
    if not flags:
        monkeypatch.setenv(how, "1")

    assert run("pull", SPEC, *flags).exit_code == 0
    error = run("pull", "marco-o1", *flags).exception

    assert isinstance(error, ModelNotFoundError)
    assert "offline mode is on" in error.message
    assert server.requests == []


def test_errors_have_their_kind_and_remedy(server: FakeHub) -> None:
    """One kind of error, hence one exit code, for each thing that can be done about it."""
    assert isinstance(refusal("pull", "hf:nonsense"), ConfigError)
    assert isinstance(refusal("pull", "hf:user/absent/x.gguf"), ModelNotFoundError)
    assert isinstance(refusal("path", "marco-o1:q2_k"), ModelNotFoundError)
    assert isinstance(refusal("rm"), ConfigError)
    server.faults.append(Fault(status=403))
    assert isinstance(refusal("pull", SPEC), NetworkError)
    server.faults.append(Fault(body=bytes(len(server.repos[REPO]["tiny-Q8_0.gguf"]))))
    assert isinstance(refusal("pull", SPEC), StorageError)


FAILURES = [
    pytest.param(([], Fault(at="resolve", status=401), 8, "HF_TOKEN"), id="401"),
    pytest.param(([], Fault(at="resolve", status=403), 8, "HF_TOKEN"), id="403"),
    pytest.param(([], Fault(status=403), 8, "may block that host"), id="403 of the storage"),
    pytest.param(([], Fault(status=404), 4, "check the name"), id="404"),
    pytest.param(([], Fault(body=b"short"), 8, "HF_ENDPOINT"), id="wrong length"),
    pytest.param(([], Fault(redirect_to="file:///etc/passwd"), 8, "HF_ENDPOINT"), id="bad redirect"),
    pytest.param(([], Fault(at="api", status=418), 8, "HF_ENDPOINT"), id="strange hub"),
    pytest.param((["--offline"], None, 4, "without it: marco models pull"), id="offline"),
    pytest.param((["--nonsense"], None, 2, ""), id="usage"),
]


@pytest.mark.parametrize("failure", FAILURES)
def test_every_failure_has_its_exit_code_and_a_line_that_says_what_to_do(
    server: FakeHub, marco: Marco, monkeypatch: pytest.MonkeyPatch, failure: tuple[list[str], Fault | None, int, str]
) -> None:
    """Through the whole program: the code, the hint on stderr, nothing on stdout, no token anywhere."""
    flags, fault, code, hint = failure
    monkeypatch.delenv("HF_HUB_OFFLINE")
    server.faults.extend([fault] if fault else [])

    outcome = marco("models", "pull", SPEC, *flags)

    assert outcome.code == code
    assert hint in outcome.err
    assert outcome.out == ""
    assert TOKEN not in outcome.err

    if code != 2:
        server.faults.extend([fault] if fault else [])
        error = json.loads(marco("models", "pull", SPEC, *flags, "--json").out)["error"]
        assert (error["exit"], hint in error["hint"]) == (code, True)
        assert TOKEN not in repr(error)


def test_a_damaged_model_is_found_and_the_cure_is_named(server: FakeHub) -> None:
    """`verify` prints every file, then ends with exit 7 and the commands that repair it."""
    path = Path(run("pull", SPEC).stdout.strip())
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    outcome = run("verify")

    assert outcome.stdout.splitlines()[0].startswith("ok  marco-nano")
    assert outcome.stdout.splitlines()[1].startswith("DAMAGED")
    assert isinstance(outcome.exception, StorageError)
    assert outcome.exception.hint == f"marco models rm -y {SPEC} && marco models pull {SPEC}"


def test_info_is_a_card_that_no_file_can_turn_against_the_terminal(server: FakeHub, tmp_path: Path) -> None:
    """Control characters of a header are made visible."""
    path = tmp_path / "rude.gguf"
    path.write_bytes(write_model(path).read_bytes().replace(b"Tiny", b"T\x1b[2"))

    text = run("info", str(path)).stdout

    assert "architecture:  qwen2" in text
    assert "KV cache" in text
    assert "im_start" in text
    assert "T\\x1b[2" in text
    assert "\x1b" not in text


def test_mutated_files_are_clean_answers_of_info_and_verify(server: FakeHub) -> None:
    """Exit 0 or an EngineError from `info`; `verify` notices every one of them (200 for the reader: its own test)."""
    path = Path(run("pull", SPEC).stdout.strip())
    whole = path.read_bytes()
    for seed in range(MUTATIONS):
        path.write_bytes(mutate(whole, seed))
        error = run("info", SPEC).exception
        assert error is None or isinstance(error, EngineError), (seed, error)
        if path.read_bytes() != whole:
            assert isinstance(run("verify", SPEC).exception, StorageError), seed


def test_rm_asks_and_takes_no_for_an_answer(server: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Off a terminal it wants --yes; on one it asks, and anything but yes deletes nothing."""
    path = Path(run("pull", SPEC).stdout.strip())
    assert isinstance(refusal("rm", SPEC), ConfigError)

    outcome = on_terminal(["rm", SPEC], "n\n")
    assert b"Delete" in outcome
    assert b"nothing was deleted" in outcome
    assert path.is_file()

    on_terminal(["rm", SPEC], "y\n")
    assert not path.exists()


def on_terminal(arguments: list[str], answer: str) -> bytes:
    """Run a command in a pseudo-terminal and answer its question; return what it showed."""
    import pty

    process, terminal = pty.fork()
    if process == 0:
        code = "from marco_cli.commands.models import app; app()"
        os.execv(sys.executable, [sys.executable, "-c", code, *arguments])  # noqa: S606 - no shell is wanted
    shown = b""
    try:
        while b"?" not in shown:
            shown += os.read(terminal, 1024)
        os.write(terminal, answer.encode())
        while block := os.read(terminal, 1024):
            shown += block
    except OSError:
        pass  # the end of a pseudo-terminal reads as EIO on Linux
    finally:
        os.close(terminal)
        os.waitpid(process, 0)
    return shown


def test_the_progress_of_a_terminal_stays_off_stdout(server: FakeHub) -> None:
    """With stderr on a terminal the progress is drawn there, and stdout still holds the path alone."""
    import pty

    ours, theirs = pty.openpty()
    environ = {name: value for name, value in os.environ.items() if name != "CI"} | {"TERM": "xterm-256color"}
    code = "from marco_cli.commands.models import app; app()"
    outcome = subprocess.run(
        [sys.executable, "-c", code, "pull", SPEC], stdout=subprocess.PIPE, stderr=theirs, env=environ, check=True
    )
    os.close(theirs)
    shown = os.read(ours, 1 << 16)
    os.close(ours)

    assert Path(outcome.stdout.decode().rstrip("\n")).is_file()
    assert b"\x1b[" in shown
    assert b"MB, verified" in shown


def test_listing_imports_no_client(server: FakeHub) -> None:
    """`marco models list` and `path` never load the hub client, in a fresh interpreter."""
    run("pull", SPEC)
    code = f"""
import sys
from marco_cli.commands.models import app
for arguments in (["list"], ["path", {SPEC!r}], ["info", {SPEC!r}], ["verify"], ["pull", {SPEC!r}, "--offline"]):
    app(arguments, standalone_mode=False)
    heavy = {{"huggingface_hub", "numpy", "llama_cpp", "httpx", "httpx2", "urllib.request"}} & set(sys.modules)
    assert not heavy, (arguments, heavy)
"""
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert outcome.returncode == 0, outcome.stderr


def test_a_pull_that_is_killed_at_random_moments_ends_exact_and_fetches_nothing_twice(
    server: FakeHub, capfd: pytest.CaptureFixture[str]
) -> None:
    """SIGKILL at any moment: what is on disk is a prefix, no model appears early, and the next run asks from there."""
    rng = random.Random(20241121)
    whole = rng.randbytes(4_000_000)
    server.repos[REPO]["big.gguf"] = whole
    # Slow enough that the transfer outlives the kills.
    server.slow = (len(whole) // 400, KILLS * 0.12 / 400)
    spec = f"hf:{REPO}/big.gguf"
    target = store.directory() / REPO / "big.gguf"
    part = store.directory() / ".partial" / REPO / "big.gguf.part"
    # A server process with the imports done: a run then costs milliseconds, not the import of the hub client.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(killable_pull.PRELOAD)
    environ = {name: value for name, value in os.environ.items() if name.startswith(("HF_", "MARCO_"))}
    in_body = 0
    for number in range(KILLS):
        length = part.stat().st_size if part.exists() else 0
        asked = len(server.asked("storage"))
        process = context.Process(target=killable_pull.pull, args=(spec, environ))
        process.start()
        # Every fifth kill falls anywhere, starting up and hashing included; the others while bytes arrive.
        deadline = time.monotonic() + PATIENCE
        while number % 5 and len(server.asked("storage")) == asked and process.is_alive():
            assert time.monotonic() < deadline
            time.sleep(0.002)
        time.sleep(rng.uniform(0.0, 0.15))
        process.kill()
        process.join()

        assert not target.exists() or target.read_bytes() == whole
        assert not part.exists() or whole.startswith(part.read_bytes())
        for request in server.asked("storage")[asked:]:
            in_body += 1
            assert request.range == (f"bytes={length}-" if length else None)
    server.slow = None
    asked, length = len(server.asked("storage")), part.stat().st_size if part.exists() else len(whole)
    outcome = run_json("pull", spec)

    assert target.read_bytes() == whole
    assert outcome["received"] == len(whole) - length
    assert [request.range for request in server.asked("storage")[asked:]] in ([f"bytes={length}-"], [])
    assert in_body >= KILLS // 2
    assert not part.exists()
    with capfd.disabled():
        sys.stderr.write(f" [{KILLS} kills, {in_body} while bytes arrived, last run from byte {length}] ")


FORMS = [
    f"{REPO}:Q8_0", f"{REPO}:q8_0", f"hf:{REPO}:Q8_0", REPO, f"hf:{REPO}", f"https://huggingface.co/{REPO}",
    f"https://huggingface.co/{REPO}/blob/main/tiny-Q8_0.gguf", f"hf.co/{REPO}:Q8_0", f"hf://{REPO}/tiny-Q8_0.gguf",
    f"https://huggingface.co/{REPO}/resolve/main/tiny-Q8_0.gguf?download=true", "MIRROR",
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_model_of_the_hub_is_understood_everywhere_in_every_form(server: FakeHub, form: str) -> None:
    """Pulled, found, verified and removed by the same text."""
    spec = f"{server.url}/{REPO}" if form == "MIRROR" else form

    path = run("pull", spec).stdout.strip()

    assert path.endswith(f"{REPO}/tiny-Q8_0.gguf")
    assert run("path", spec).stdout.strip() == path
    assert "verified" in run("verify", spec).stdout
    assert run("rm", spec, "--yes").exit_code == 0
    assert not Path(path).exists()
    assert isinstance(refusal("path", spec), ModelNotFoundError)


def test_a_repository_alone_lists_what_it_has(server: FakeHub) -> None:
    """Names to type and sizes on stdout; nothing is fetched, and what is not a model is left out."""
    server.repos[REPO] = {
        "m-Q4_K_M.gguf": bytes(1_000_000), "m-Q8_0.gguf": bytes(2_000_000), "mmproj-m-f16.gguf": b"x",
        "s-f16-00001-of-00002.gguf": b"a", "s-f16-00002-of-00002.gguf": b"b", "odd.gguf": b"c", "README.md": b"",
    }  # fmt: skip

    outcome = run("pull", REPO)

    assert outcome.exit_code == 0
    assert [line.split()[0] for line in outcome.stdout.splitlines()] == [
        f"hf:{REPO}:Q4_K_M", f"hf:{REPO}:Q8_0", f"hf:{REPO}/odd.gguf", f"hf:{REPO}:F16",
    ]  # fmt: skip
    assert "1.9 MiB" in outcome.stdout
    assert "in 2 parts" in outcome.stdout
    assert "nothing was fetched" in outcome.stderr
    assert server.asked("storage") == []
    sizes = {row["name"]: row["size"] for row in run_json("pull", REPO)["offers"]}
    assert sizes[f"hf:{REPO}:Q8_0"] == 2_000_000


def test_a_quantisation_that_a_repository_lacks_is_answered_with_those_that_it_has(server: FakeHub) -> None:
    """Exit 4, as for a model of the catalogue."""
    assert refusal("pull", f"{REPO}:Q2_K").message == f"{REPO} has no Q2_K, it has Q8_0"
    server.repos[REPO] = {"README.md": b""}
    assert refusal("pull", REPO).message == f"{REPO} has no GGUF model"


def test_a_name_that_means_several_installed_models_asks_for_one(server: FakeHub) -> None:
    """What is here decides: one model needs no quantisation."""
    server.repos[REPO]["tiny-Q4_0.gguf"] = server.repos[REPO]["tiny-Q8_0.gguf"]
    run("pull", f"{REPO}:Q8_0")
    assert run("path", REPO).exit_code == 0
    run("pull", f"{REPO}:Q4_0")

    error = refusal("path", REPO)

    assert isinstance(error, ConfigError)
    assert "tiny-Q4_0.gguf" in (error.hint or "")


def test_only_a_hash_makes_a_file_verified(server: FakeHub) -> None:
    """Without one, pull, list and verify all say that the size alone was compared; a change of size is still found."""
    server.sha256_override["tiny-Q8_0.gguf"] = ""

    pulled = run("pull", SPEC)

    assert "size only, no checksum" in pulled.stderr
    (line,) = [line for line in run("list").stdout.splitlines() if REPO in line]
    assert "size only, no checksum" in line
    checked = run("verify", SPEC)
    assert "size only, no checksum" in checked.stdout
    for text in (pulled.output, line, checked.output):
        assert "verified" not in text
    assert [row["evidence"] for row in run_json("list")["models"]] == ["sha256", "size"]
    path = Path(pulled.stdout.strip())
    path.write_bytes(path.read_bytes() + b"x")
    assert isinstance(refusal("verify", SPEC), StorageError)
    assert isinstance(refusal("verify"), StorageError)


OUTSIDE = [
    "../precious.gguf",
    "sub/../../precious.gguf",
    "./../precious.gguf",
    "link/precious.gguf",
    "a/../../precious.gguf",
]


@pytest.mark.parametrize("way", OUTSIDE)
def test_rm_never_leaves_the_models_directory(server: FakeHub, tmp_path: Path, way: str) -> None:
    """Whatever `..` and links lead outside: refused, and the file stays."""
    root = tmp_path / "models"
    (root / "sub").mkdir(parents=True)
    (root / "a").mkdir()
    (root / "link").symlink_to(tmp_path, target_is_directory=True)
    precious = tmp_path / "precious.gguf"
    precious.write_bytes(b"precious")

    error = refusal("rm", f"{root}/{way}", "--yes")

    assert isinstance(error, ConfigError)
    assert precious.read_bytes() == b"precious"


def test_rm_of_a_link_removes_the_link_alone(server: FakeHub, tmp_path: Path) -> None:
    """What it leads to lies outside, and stays."""
    root = tmp_path / "models"
    root.mkdir()
    precious = tmp_path / "precious.gguf"
    precious.write_bytes(b"precious")
    (root / "linked.gguf").symlink_to(precious)

    assert run("rm", str(root / "linked.gguf"), "--yes").exit_code == 0

    assert precious.read_bytes() == b"precious"
    assert not (root / "linked.gguf").is_symlink()


def test_rm_of_unfinished_transfers_stays_inside(server: FakeHub, tmp_path: Path) -> None:
    """A staging directory that is a link to somewhere else holds nothing of ours."""
    root = tmp_path / "models"
    root.mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.part").write_bytes(b"precious")
    (root / ".partial").symlink_to(tmp_path / "other", target_is_directory=True)

    run("rm", "--unfinished", "--yes")

    assert (tmp_path / "other" / "x.part").exists()
