"""A fitted mimic, and its folder: ``mimic.json`` and ``arrays.npz``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from m4graph.core.array_file import read_arrays
from m4graph.core.calls import plain_call
from m4graph.core.errors import InputError
from m4graph.core.files import check_output_folder, whole_folder
from m4graph.core.provenance import provenance
from m4graph.core.schema import KeyProblem, StrictModel
from m4graph.mimic.clusters import Pods
from m4graph.mimic.conditions import check_conditions, conditions_of
from m4graph.mimic.models import MIMIC_MODELS, MimicModel
from m4graph.scenario import Scenario

MIMIC_FILE, ARRAYS_FILE = "mimic.json", "arrays.npz"


class MimicRecord(StrictModel):
    """The content of ``mimic.json``.

    Args:
        format (int): Of the file.
        kind (str): A name of :data:`~m4graph.mimic.models.MIMIC_MODELS`.
        settings (dict): The model's own.
        conditions (dict): What it was fitted for: shape, network, congestion control.
        training (dict): What it was fitted on: seed, seconds, packets.
        arrays (list): Names of the arrays.
        arrays_sha256 (str): Of their file.
        provenance (dict): Version, commit and machine of the fit.
    """

    format: Literal[1] = 1
    kind: str
    settings: dict[str, Any]
    conditions: dict[str, dict[str, Any]]
    training: dict[str, Any]
    arrays: list[str]
    arrays_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    provenance: dict[str, Any]


@plain_call
@dataclass(frozen=True, eq=False)
class Mimic:
    """A model of a pod, with what it was fitted for; made by :func:`~m4graph.mimic.fit`.

    Args:
        model (MimicModel): The model.
        conditions (dict): Of the scenario of the fit.
        training (dict): What it was fitted on.
        name (str, optional): For messages. (default: the model's kind)
    """

    model: MimicModel
    conditions: dict[str, Any]
    training: dict[str, Any]
    name: str = ""

    def check(self, scenario: Scenario, pods: Pods) -> None:
        """Refuses a scenario that the mimic was not fitted for.

        Raises:
            ConfigError: For the first key that differs, with both values.
        """
        name = self.name or self.model.kind
        check_conditions(self.conditions, conditions_of(scenario, pods), self.model.takes, name)

    def save(self, folder: str | Path) -> None:
        """Writes the folder, whole or not at all.

        Raises:
            InputError: If nothing can be written there.
        """
        folder = Path(folder)
        check_output_folder(folder)
        arrays = self.model.arrays()
        with whole_folder(folder, mark=MIMIC_FILE) as scratch:
            _write_arrays(scratch / ARRAYS_FILE, arrays)
            record = MimicRecord(
                kind=self.model.kind,
                settings=self.model.settings(),
                conditions=self.conditions,
                training=self.training,
                arrays=sorted(arrays),
                arrays_sha256=_sha256(scratch / ARRAYS_FILE),
                provenance=provenance(),
            )
            text = json.dumps(record.model_dump(), indent=2, allow_nan=False)
            (scratch / MIMIC_FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Reads what :meth:`save` wrote; nothing is unpickled.

        Raises:
            InputError: If a file is missing or damaged, or the model is not known here.
        """
        folder = Path(folder)
        record = _read_record(folder / MIMIC_FILE)
        model = MIMIC_MODELS.resolve(record.kind)
        file = folder / ARRAYS_FILE
        arrays = read_arrays(file, record.arrays, "the arrays of a mimic")
        if _sha256(file) != record.arrays_sha256:
            raise InputError(f"{file}: expected the arrays that {MIMIC_FILE} names (got others)")
        try:
            fitted = model.from_saved(record.settings, arrays)
        except InputError as error:
            raise InputError(f"{folder}: {error}") from None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise InputError(
                f"{folder}: expected what a mimic of kind {record.kind} has learned "
                f"(got {type(error).__name__}: {error})"
            ) from None
        return cls(fitted, dict(record.conditions), record.training, str(folder))


def _write_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _read_record(path: Path) -> MimicRecord:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path}: expected the file of a mimic, as m4graph mimic fit writes it "
            f"(got {error.strerror or error})"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected JSON (got {error})") from None
    try:
        return MimicRecord.parse(data)
    except KeyProblem as problem:
        raise InputError(f"{path}: {problem}") from None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
