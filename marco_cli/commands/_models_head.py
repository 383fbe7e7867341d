"""`marco models head`: the head of a process model, out of what its makers publish."""

from pathlib import Path
from typing import Annotated

import typer

from marco_cli.commands._options import Json
from marco_cli.commands._output import write_result

HEAD_EXAMPLES = """
marco models head Qwen2.5-Math-PRM-7B/ qwen-math-prm.gguf     # writes qwen-math-prm.head.npz
marco ask --prm qwen-math-prm.gguf "…"                        # which is found beside the model
"""


def head(
    source: Annotated[Path, typer.Argument(metavar="FOLDER|FILE", help="The safetensors file or files of the model.")],
    target: Annotated[
        Path, typer.Argument(metavar="GGUF|NPZ", help="The GGUF file that the head goes with, or the file to write.")
    ],
    *,
    as_json: Json = False,
) -> None:
    """Take the head of a process model (Qwen2.5-Math-PRM, Skywork) out of its safetensors, for --prm."""
    from marco_cli.models.head import convert

    found, path = convert(source, target)
    write_result(path, {"path": str(path), "width": found.width, "outputs": found.num_outputs}, as_json=as_json)
