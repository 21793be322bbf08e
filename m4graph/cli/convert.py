"""``m4graph convert``: files of others as a scenario or a job, and scenarios as such files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from m4graph.core.errors import ConfigError

if TYPE_CHECKING:
    from m4graph.scenario import Scenario


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SRC",
            help="A folder of text files, or a scenario; of simai the workload or a folder with "
            "it, of chakra what the names of the traces begin with.",
        ),
    ],
    destination: Annotated[
        Path, typer.Argument(metavar="DST", help="Folder for the scenario, or the text files.")
    ],
    from_format: Annotated[
        str | None,
        typer.Option("--from", metavar="hpcc|m4|simai|chakra", help="SRC holds such files."),
    ] = None,
    to_format: Annotated[
        str | None, typer.Option("--to", metavar="hpcc|m4", help="DST gets such text files.")
    ] = None,
) -> None:
    """Turn text files of ns-3 (HPCC) or m4 into a scenario folder, or a scenario into them; a
    workload of SimAI or traces of Chakra into a folder with job.yaml.

    What a format cannot hold is named on stderr.
    """
    if (from_format is None) == (to_format is None):
        got = "neither" if from_format is None else "both"
        raise ConfigError(
            f"convert: expected --from hpcc|m4|simai|chakra or --to hpcc|m4 (got {got})"
        )
    if from_format in ("simai", "chakra"):
        _read_job(source, destination, from_format)
        return
    if from_format is not None:
        scenario, notes = _read(source, destination, from_format)
    else:
        scenario, notes = _write(source, destination, str(to_format))
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"{scenario.num_flows} flows, {scenario.arrays.num_hosts} hosts in {destination}")


def _read_job(source: Path, destination: Path, format_name: str) -> None:
    from m4graph.cli import output
    from m4graph.convert import write_origin
    from m4graph.convert.origin import ORIGIN_FILE
    from m4graph.core.files import whole_folder
    from m4graph.jobs.conversion import JOB_FORMATS

    output.check(destination, source, option="DST")
    with whole_folder(destination, mark=ORIGIN_FILE) as scratch:
        made = JOB_FORMATS[format_name](source, scratch)
        write_origin(scratch, source, made.notes)
    for note in made.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"{made.num_ranks} ranks in {destination}")


def _read(source: Path, destination: Path, format_name: str) -> tuple[Scenario, list[str]]:
    from m4graph.cli import output
    from m4graph.convert import from_text, text_format, write_origin
    from m4graph.convert.origin import ORIGIN_FILE
    from m4graph.core.files import whole_folder
    from m4graph.scenario.expected import EXPECTED_FILES, write_expected
    from m4graph.scenario.files import write_scenario_files

    text_format(format_name, "--from")
    scenario, notes = from_text(source, format_name)
    recorded = scenario.expected is not None
    output.check(destination, source, recorded, option="DST")
    with whole_folder(destination, mark=ORIGIN_FILE) as scratch:
        write_scenario_files(scenario, scratch)
        if scenario.expected is not None:
            write_expected(scratch / EXPECTED_FILES[0], scenario.expected, scenario.workload)
        write_origin(scratch, source, notes)
    return scenario, notes


def _write(source: Path, destination: Path, format_name: str) -> tuple[Scenario, list[str]]:
    from m4graph.cli import output
    from m4graph.convert import text_format, to_text, write_origin
    from m4graph.convert.origin import ORIGIN_FILE
    from m4graph.core.files import whole_folder
    from m4graph.scenario.files import load_scenario

    style = text_format(format_name, "--to")
    scenario = load_scenario(source)
    recorded = scenario.expected is not None
    output.check(destination, source, recorded, option="DST", truths=[style.times])
    with whole_folder(destination, mark=ORIGIN_FILE) as scratch:
        notes = to_text(scenario, scratch, format_name)
        if scenario.name != destination.resolve().name:
            notes.append(f"name: {scenario.name} is not kept, the folder's takes its place")
        write_origin(scratch, source, notes)
    return scenario, notes
