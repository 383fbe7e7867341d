"""What ggml says of its devices, on machines that this one is not."""

from types import SimpleNamespace

import pytest

from marco_cli.engine import llama_library

CPU, GPU, INTEGRATED = 0, 1, 2


def library(devices: list[tuple[int, int]]) -> SimpleNamespace:
    """Return ggml on a machine with devices of these kinds and so much free memory."""

    def memory(device: int, free: SimpleNamespace, _total: object) -> None:
        free._obj.value = devices[device][1]  # what `byref` points to

    return SimpleNamespace(
        ggml_backend_dev_count=lambda: len(devices),
        ggml_backend_dev_get=lambda index: index,
        ggml_backend_dev_type=lambda device: devices[device][0],
        ggml_backend_dev_memory=memory,
    )


@pytest.mark.parametrize(
    ("devices", "free"),
    [
        ([(CPU, 64)], None),
        ([(GPU, 8), (CPU, 64)], 8),
        ([(GPU, 8), (GPU, 6), (CPU, 64)], 14),
        ([(INTEGRATED, 32), (GPU, 8), (CPU, 64)], 8),
        ([(INTEGRATED, 32), (CPU, 64)], 32),
        ([(GPU, 0), (CPU, 64)], None),
    ],
)
def test_the_gpus_that_layers_go_to_are_asked(
    monkeypatch: pytest.MonkeyPatch, devices: list[tuple[int, int]], free: int | None
) -> None:
    """All proper GPUs count, an integrated one only where it is alone, the processor never; 0 means unknown."""
    monkeypatch.setattr("llama_cpp._ggml.libggml", library(devices))

    assert llama_library.free_gpu_memory() == free


def test_a_library_that_does_not_say_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """On some platforms ggml's names cannot be reached: devices and their memory are unknown then."""
    monkeypatch.setattr("llama_cpp._ggml.libggml", SimpleNamespace())

    assert llama_library.free_gpu_memory() is None
    assert llama_library._device_names() == ()
