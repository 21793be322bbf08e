"""``m4graph zoo``: the trained models, and the mimics, that come with the package."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    name="zoo",
    help="List the trained models and mimics that come with m4graph, or show one.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command("list")
def list_() -> None:
    """List the models of the zoo, * marks the default; then mimics."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from m4graph.mimic.shipped import mimic_files, mimic_title, shipped_mimics
    from m4graph.zoo import list_models

    table = Table("name", "size", "description", title="zoo")
    for entry in list_models():
        name = f"{entry.name} *" if entry.default else entry.name
        table.add_row(name, _size(entry.size_bytes), escape(entry.description))
    for mimic in shipped_mimics():
        size_bytes = sum(mimic_files(mimic).values())
        table.add_row(mimic, _size(size_bytes), escape(f"Mimic: {mimic_title(mimic)}"))
    Console().print(table if table.row_count else "The zoo is empty.")


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a model or mimic.")],
) -> None:
    """Show a model's or mimic's card: data, seed, metrics, training time, licence."""
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.markup import escape
    from rich.table import Table

    from m4graph.mimic.shipped import mimic_card, mimic_files, shipped_mimics
    from m4graph.zoo import model_card, model_info

    if name in shipped_mimics():
        table = Table(title=name, show_header=False)
        for file, size_bytes in mimic_files(name).items():
            table.add_row(file, _size(size_bytes))
        Console().print(table)
        Console().print(Markdown(mimic_card(name)))
        return
    entry, card = model_info(name), model_card(name)
    table = Table(title=entry.name, show_header=False)
    table.add_row("description", escape(entry.description))
    table.add_row("default", "yes" if entry.default else "no")
    for file, size_bytes in entry.files.items():
        table.add_row(file, _size(size_bytes))
    table.add_row("sha256", entry.sha256)
    console = Console()
    console.print(table)
    console.print(Markdown(card))


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1000:.1f} kB"
