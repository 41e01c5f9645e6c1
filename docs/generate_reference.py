"""Write the reference's generated pages: the commands, from the command line itself, and the models, from ``Params``.

The site's build calls `write`; nothing of it is kept in the repository, so that it cannot be old.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spikefa.experiments import model_source
from spikefa.experiments.params import value_text

#: Wide tables have no list of contents beside them.
WIDE = "---\nhtml_theme.sidebar_secondary.remove: true\n---\n\n"
COMMANDS = """# Commands

`spikefa COMMAND -h` prints the same. Ctrl-C in training saves a checkpoint and says how to go on.
`spikefa --install-completion` lets the shell complete commands, options, models and figures.

Every command has `--quiet`, which prints errors alone, and `--json`, which prints the result as one JSON object, an
error as `{"error": ..., "hint": ...}`.

| exit status | meaning |
|---|---|
| 0 | it did what was asked |
| 1 | a bug, or an exception of the model's own code; the traceback is printed |
| 2 | an argument, a file or a setting cannot be right; one sentence says what to change |
| 3 | the system refused to read or write something |
| 130 | interrupted by Ctrl-C or SIGTERM; a training has saved a checkpoint |

"""


def commands() -> str:
    """Return the page of the commands: arguments, options, defaults and meanings."""
    import typer

    from spikefa.cli import app

    group = typer.main.get_command(app)
    parts = [COMMANDS]
    for name, command in group.commands.items():
        context = command.make_context(name, [], resilient_parsing=True)
        usage = " ".join(["spikefa", name, *command.collect_usage_pieces(context)])
        parts.append(f"## {name}\n\n{command.help}\n\n```text\n{usage}\n```\n\n")
        rows = [_option(parameter, context) for parameter in command.get_params(context) if parameter.name != "help"]
        parts.append(_table(("argument or option", "default", "meaning"), rows) + "\n")
    return "".join(parts)


def _option(parameter: Any, context: Any) -> tuple[str, str, str]:
    record = parameter.get_help_record(context)
    names, meaning = record if record else (parameter.name, "")
    default = parameter.get_default(context)
    shown = "" if default is None or default == () or parameter.param_type_name == "argument" else str(default)
    meaning = meaning.partition("[default")[0].partition("[required")[0].strip()
    return f"`{names.replace(' range', '')}`", f"`{shown}`" if shown else "", meaning


def model(name: str) -> str:
    """Return the page of a model: its docstring, every parameter, and what each preset changes."""
    described = model_source.find(name).describe()
    rows = [
        (f"`{p.name}`", f"`{value_text(p.default)}`", p.type + (f", {p.range}" if p.range else ""), p.meaning)
        for p in described.parameters
    ]
    presets = [
        (f"`{preset}`", ", ".join(f"`{key}={value_text(value)}`" for key, value in changes.items()) or "nothing")
        for preset, changes in described.presets.items()
    ]
    parts = [
        f"# {name}\n\n",
        f"File: `models/{name}.py`. Run it by `spikefa train {name}`.\n\n",
        "```{eval-rst}\n" + described.docstring.strip() + "\n```\n\n",
        "## Parameters\n\nSet one by `--set NAME=VALUE`.\n\n",
        _table(("parameter", "default", "values", "meaning"), rows),
    ]
    if presets:
        parts += ["\n## Presets\n\nChosen by `--preset NAME`.\n\n", _table(("preset", "what it changes"), presets)]
    return "".join(parts)


def models() -> str:
    """Return the list of the models."""
    rows = [(f"[{name}]({name}.md)", model_source.find(name).summary) for name in model_source.names()]
    toctree = "```{toctree}\n:hidden:\n\n" + "\n".join(model_source.names()) + "\n```\n"
    text = "Every bundled model, with its parameters and presets. `spikefa models` prints the same.\n\n"
    return "# Models\n\n" + text + _table(("model", "what it is"), rows) + "\n" + toctree


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(_cell(cell) for cell in line) + " |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def write(docs: Path) -> None:
    """Write the pages below ``docs/generated``, those alone that have changed."""
    pages = {"commands.md": commands(), "models/index.md": models()}
    pages |= {f"models/{name}.md": model(name) for name in model_source.names()}
    for place, page in pages.items():
        path, text = docs / "generated" / place, WIDE + page
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
