"""Checks of the chosen model: that it is here, loads, has a usable chat template, and computes rightly."""

import math
from dataclasses import asdict
from typing import Final

from marco_cli.config.preset import load_preset
from marco_cli.diagnosis.case import Case
from marco_cli.diagnosis.finding import Figure, Finding, broken, ok, warn
from marco_cli.diagnosis.self_test import Measurement, measure
from marco_cli.engine.backend import Model
from marco_cli.models.memory import gib
from marco_cli.phrasing import Phrasing
from marco_cli.sections.format import AUTO

TOLERANCE: Final = 1e-4
"""Logits; a fork copies nothing, so on CPUs there is no difference at all."""

_SLOW: Final = 1.0  # tokens a second
_QUESTION: Final = "What is 12 + 30?"
_CHATML_END: Final = "<|im_end|>"
_TEXT: Final = "A train leaves at noon and travels 60 miles an hour; another one follows it an hour later. "


def chosen_model(case: Case) -> Finding:
    """Check that the model is here and that its file is whole, as far as the header tells."""
    located, header, settings = case.located, case.header, case.settings
    return ok(
        "model",
        f"{located.name}: {header.architecture}, {header.parameters / 1e6:.1f} M parameters, "
        f"{gib(located.size)}, preset {settings.preset}",
        model=located.name,
        path=str(located.path),
        architecture=header.architecture,
        parameters=header.parameters,
        quantisation=header.quantisation,
        preset=settings.preset,
    )


def loading(case: Case) -> Finding:
    """Check that llama.cpp loads the model with these settings."""
    info = case.model.info
    how = ", ".join(f"{name} {value}" for name, value in info.settings)
    return ok("loading", f"{case.load_seconds:.2f} s; {how}", seconds=case.load_seconds, **dict(info.settings))


def chat_template(case: Case) -> Finding:
    """Check that a question can be put, that replies are read as the model writes them, and that text stays text."""
    settings = case.settings
    plain, typed = (_encoded(case, question) for question in (_QUESTION, _QUESTION + _controls(case.model)))
    leaked = _count_controls(case.model, typed) - _count_controls(case.model, plain)
    figures: dict[str, Figure] = {
        "prompt_tokens": len(plain),
        "tags": settings.tags,
        "prefill": settings.prefill,
        "leaked": leaked,
    }
    if leaked:
        return broken(
            "chat template",
            f"{_controls(case.model)} in a question becomes a control token: its file declares it as ordinary text",
            fix="take the same model from another repository: marco models pull hf:user/repo/file.gguf",
            **figures,
        )
    implied = load_preset(case.preset)
    written = next((str(entry.value) for entry in reversed(implied.entries) if entry.key == "tags"), AUTO)
    if settings.tags not in (written, AUTO):
        return warn(
            "chat template",
            f"replies are read with tags {settings.tags}, but this model writes {written}",
            fix=f"use --preset {implied.name}, or marco config unset tags",
            **figures,
        )
    what = f"renders {len(plain)} tokens for a short question; tags {settings.tags}; control tokens that are typed stay text"
    return ok("chat template", what, **figures)


def self_test(case: Case) -> Finding:
    """Check that a forked KV cache computes what a fresh one does, and measure the speed."""
    return judge(measure(case.model, case.model.tokenize(_TEXT, special=False)))


def judge(measured: Measurement) -> Finding:
    """Say whether the model computes rightly and fast enough."""
    figures = asdict(measured)
    if not measured.fork_difference <= TOLERANCE:
        what = (
            f"a forked KV cache changes the logits by {measured.fork_difference:.2g}, at most {TOLERANCE:g} is expected"
        )
        if not math.isfinite(measured.fork_difference):
            what = "the logits are not numbers: the file is damaged, or the device computes wrongly"
        return broken("self-test", what, fix="marco models verify; then try --gpu-layers 0", **figures)
    what = (
        f"forked and fresh logits differ by {measured.fork_difference:.2g}; tokens/s: prefill {measured.prefill_1:.0f}, "
        f"with 8 sequences {measured.prefill_8:.0f}; decode {measured.decode_1:.1f}, with 8 {measured.decode_8:.1f}"
    )
    if measured.decode_1 < _SLOW:
        fix = "a smaller quantisation (marco models pull marco-o1:q4_k_s), or a build for the GPU"
        return warn("self-test", f"{what}: slow", fix=fix, **figures)
    return ok("self-test", what, **figures)


def _controls(model: Model) -> str:
    """Return what a user might type to end the turn: ChatML's word, and the model's own."""
    own = model.info.eos_text
    return _CHATML_END if own in {"", _CHATML_END} else f"{_CHATML_END}{own}"


def _encoded(case: Case, question: str) -> tuple[int, ...]:
    """Return the ids of the prompt for a question, made as for an answer."""
    model = case.model
    phrasing = Phrasing(settings=case.settings, info=model.info)
    rendered = phrasing.render(phrasing.prompt(question))
    return phrasing.encode(
        rendered, lambda text, special: model.tokenize(text, special=special), lambda token: not model.piece(token)
    )


def _count_controls(model: Model, ids: tuple[int, ...]) -> int:
    """Count the tokens that end a turn."""
    ends = set(model.tokenize(_CHATML_END, special=True))
    controls = model.info.eos_ids | (ends if len(ends) == 1 else set())
    return sum(token in controls for token in ids)
