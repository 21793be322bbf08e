"""The mimics of a suite of pods, fitted on its setting and kept for later evaluations."""

from __future__ import annotations

from hashlib import sha256

from m4graph.core.compilation import source_digest
from m4graph.evaluation.suites.pods.suite import FIT_SEED, PodSuite
from m4graph.evaluation.suites.store import cache_folder
from m4graph.mimic import fit
from m4graph.mimic.folder import MIMIC_FILE
from m4graph.simulators import Runner


def fitted_mimics(suite: PodSuite, num_pods: int) -> tuple[Runner, ...]:
    """Runners of mimics for one number of pods, under the names of their models.

    They are those of ``m4graph mimic fit SETTING --set topology.pods=NUM_PODS``. What was fitted
    before, by the same code on the same setting, is used again.

    Args:
        suite (PodSuite): What models there are to be, and the setting.
        num_pods (int): Of the network in which they will stand.

    Raises:
        InputError: If the setting cannot be fitted.
    """
    code = source_digest("m4graph.mimic")
    given = f"{code} {suite.setting.read_text(encoding='utf-8')} {num_pods}"
    found = []
    for model in suite.models:
        folder = cache_folder() / "mimics" / sha256(f"{given} {model}".encode()).hexdigest()
        if not (folder / MIMIC_FILE).exists():
            pods = [("topology.pods", str(num_pods))]
            fit(suite.setting, model, FIT_SEED, pods).save(folder)
        found.append(Runner(model, "mimic", {"model": str(folder)}))
    return tuple(found)
