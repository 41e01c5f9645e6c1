"""``spikefa config``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from spikefa.cli.options import Preset


def config(
    model: Annotated[str, typer.Argument(help="A model's name (see: spikefa models) or its file.")],
    preset: Preset = None,
) -> dict[str, Any]:
    """Print all settings of a model as TOML, with comments. Use it by: spikefa train --config FILE."""
    from spikefa.cli.output import console
    from spikefa.experiments.run_settings import config_text

    text = config_text(model, preset)
    console.print(text, end="")
    return {"toml": text}
