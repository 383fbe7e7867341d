import tomllib
from pathlib import Path

import pytest

from marco_cli.diagnosis.gpus import Gpu, names_listed
from marco_cli.diagnosis.machine import LLAMA_SERIES, REINSTALL, judge_build, judge_threads
from marco_cli.engine.hardware import cpu_quota
from marco_cli.engine.llama_library import BuildFacts, build_facts

CPU = "CPU : SSE3 = 1 | AVX2 = 1 | "
H200 = Gpu(maker="NVIDIA", name="NVIDIA H200")


def facts(system_info: str = CPU, devices: tuple[str, ...] = ("CPU",), *, can_offload: bool = False) -> BuildFacts:
    """Return what a build says of itself."""
    return BuildFacts(can_offload=can_offload, system_info=system_info, devices=devices)


@pytest.mark.parametrize(
    ("build", "gpus", "status", "words"),
    [
        (facts(), (), "ok", "no GPU is seen"),
        (facts(), (H200,), "warn", "a CPU-only build on a machine with an NVIDIA GPU (NVIDIA H200)"),
        (facts(CPU + "CUDA : ARCHS = 900 | "), (H200,), "warn", "built for CUDA, but finds no device"),
        (facts(CPU + "CUDA : ARCHS = 900 | ", ("CUDA0", "CPU"), can_offload=True), (H200,), "ok", "computes on CUDA0"),
        (facts(devices=("Vulkan0", "CPU"), can_offload=True), (), "ok", "computes on Vulkan0"),
        (facts(devices=(), can_offload=True), (), "ok", "computes on a GPU"),
        (facts(), (Gpu(maker="Apple", name="Apple arm64"),), "warn", "with an Apple GPU"),
    ],
)
def test_the_build_is_compared_with_the_gpus(build: BuildFacts, gpus: tuple[Gpu, ...], status: str, words: str) -> None:
    """A GPU that llama.cpp does not use is said, and so is why."""
    finding = judge_build(build, gpus)

    assert finding.status == status
    assert words in finding.what


def test_a_cpu_build_beside_a_gpu_is_told_how_to_reinstall() -> None:
    """The fix is a line that can be pasted into a shell."""
    fix = judge_build(facts(), (H200,)).fix

    assert fix == f'CMAKE_ARGS="-DGGML_CUDA=on" {REINSTALL}'


def test_the_reinstalled_version_is_the_one_that_the_project_asks_for() -> None:
    """The range in the fix and the version that was tested follow pyproject.toml."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = next(name for name in project["dependencies"] if name.startswith("llama-cpp-python"))

    assert f'"{wanted}"' in REINSTALL
    assert f">={LLAMA_SERIES}," in wanted


def test_this_build_says_what_it_is() -> None:
    """llama.cpp names the CPU as a backend and as a device."""
    found = build_facts()

    assert "CPU" in found.backends
    assert any(device.startswith("CPU") for device in found.devices)


def test_the_driver_s_list_is_read() -> None:
    """Names without the numbers around them, also of parts of a GPU."""
    text = "GPU 0: NVIDIA H200 (UUID: GPU-1)\n  MIG 1g.18gb Device 0: (UUID: MIG-2)\nGPU 1: Tesla T4 (UUID: GPU-3)\n"

    assert names_listed(text) == ("NVIDIA H200", "Tesla T4")
    assert names_listed("No devices were found\n") == ()


@pytest.mark.parametrize(
    ("text", "quota"), [("max 100000\n", None), ("200000 100000\n", 2), ("50000 100000\n", 0.5), ("", None)]
)
def test_a_container_s_quota_is_read(text: str, quota: float | None, tmp_path: Path) -> None:
    """The words of cgroup become processors; no limit is None."""
    (tmp_path / "cpu.max").write_text(text)

    assert cpu_quota(tmp_path) == quota


@pytest.mark.parametrize(
    ("used", "allowed", "quota", "fix"),
    [
        (4, 8, None, None),
        (8, 8, 8.0, None),
        (9, 8, None, "marco config set threads 8"),
        (8, 8, 1.5, "marco config set threads 2"),
    ],
)
def test_threads_beyond_the_processors_are_a_warning(
    used: int, allowed: int, quota: float | None, fix: str | None
) -> None:
    """Threads that wait for one another are slower than fewer; a container's limit counts."""
    finding = judge_threads(used, allowed=allowed, quota=quota)

    assert finding.fix == fix
    assert finding.status == ("warn" if fix else "ok")
