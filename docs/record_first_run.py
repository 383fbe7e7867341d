"""Record docs/first-run.md: from an empty home to an answer, with a pull that is killed and goes on.

    python docs/record_first_run.py

The hub is the loopback stand-in of the tests, and the file that it serves as Marco-o1 is marco-nano, so that the
recording needs no network. The commands and their output are real; paths of the recording machine are shortened.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from fake_hub import running  # noqa: E402 (found through the line above)

MODEL = ROOT / "marco_cli" / "nano" / "marco-nano.gguf"
TITLE = """# From an empty home to an answer

Recorded by `python docs/record_first_run.py`. The hub is a stand-in on the loopback interface, and what it serves as
Marco-o1 is the bundled marco-nano; everything else is as it prints. The first pull was killed (SIGKILL) on its way.
"""


class Recorder:
    """Runs commands in an empty home and writes down what they print."""

    def __init__(self, home: Path, endpoint: str) -> None:
        kept = {key: os.environ[key] for key in ("PATH", "VIRTUAL_ENV", "LANG") if key in os.environ}
        self._home = home
        self._environ = kept | {"HOME": str(home), "HF_ENDPOINT": endpoint, "COLUMNS": "100"}
        self.lines: list[str] = []

    def run(self, *arguments: str, kill_at: int | None = None) -> None:
        """Run `marco ARGUMENTS`; with `kill_at`, kill it once so many bytes are on disk."""
        self.lines.append(f"$ {shlex.join(('marco', *arguments))}")
        process = subprocess.Popen(
            [sys.executable, "-m", "marco_cli", *arguments],
            env=self._environ,
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if kill_at is not None:
            while process.poll() is None and self._arrived() < kill_at:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
        output, _ = process.communicate()
        text = output.decode().replace(str(self._home), "~").replace(str(ROOT), "…").replace(sys.prefix, "…")
        self.lines += [*text.rstrip("\n").splitlines(), *(["Killed"] if kill_at is not None else []), ""]

    def _arrived(self) -> int:
        return sum(part.stat().st_size for part in self._home.rglob("*.part"))


def main() -> None:
    """Record the page."""
    home = Path(tempfile.mkdtemp())
    size = MODEL.stat().st_size
    try:
        with running() as hub:
            hub.repos = {"bartowski/Marco-o1-GGUF": {"Marco-o1-Q4_K_M.gguf": MODEL.read_bytes()}}
            hub.slow = (1 << 16, 0.02)
            recorder = Recorder(home, hub.url)
            recorder.run("doctor")
            recorder.run("models", "pull", "marco-o1:q4_k_m", kill_at=size // 2)
            recorder.run("models", "pull", "marco-o1:q4_k_m")
            recorder.run("models", "list")
            recorder.run("models", "verify", "marco-o1")
            recorder.run("ask", "--model", "marco-o1", "What is 12 + 30?")
            fetched = hub.sent
    finally:
        shutil.rmtree(home)
    summary = f"Sent by the hub: {fetched:,} bytes for a file of {size:,}.\n"
    page = "\n".join([TITLE, "```console", *recorder.lines[:-1], "```", "", summary])
    (ROOT / "docs" / "first-run.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
