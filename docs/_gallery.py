"""How the gallery of tutorials shows figures."""

from __future__ import annotations

import base64
import io
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from spikefa.plotting.style import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION


def safe_colours(conf: dict[str, Any], name: str) -> None:
    """Give lines the colours of Okabe and Ito, which colour-blind readers tell apart."""
    matplotlib.rcParams["axes.prop_cycle"] = matplotlib.cycler(color=[BLUE, VERMILLION, GREEN, ORANGE, SKY, PURPLE])


def as_image(figure: Figure) -> str:
    """Return a figure as an image in HTML: pyplot, which the gallery asks, does not know figures of spikefa."""
    with io.BytesIO() as file:
        figure.savefig(file, format="png", dpi=120)
        data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="figure" src="data:image/png;base64,{data}"/>'
