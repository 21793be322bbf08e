"""Conformance checks for plug-ins, one for each kind, and tiny inputs for their tests.

Each check tries the rules of its kind on one plug-in; it raises a :class:`ConformanceError` that
says which rule is broken, what was expected and what came, or gives a :class:`Report` of the rules
that hold. They run over every built-in plug-in in m4graph's own tests, and in a third party's::

    from m4graph.testing import check_conv

    def test_my_conv():
        check_conv("my_conv")

The names below are imported on first use: not all of them need torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from m4graph.core.lazy import lazy_names

if TYPE_CHECKING:
    from m4graph.testing.congestion import check_congestion_control
    from m4graph.testing.conv import check_conv
    from m4graph.testing.datasets import check_dataset
    from m4graph.testing.faults import check_fault
    from m4graph.testing.heads import check_head
    from m4graph.testing.mimics import check_mimic_model
    from m4graph.testing.rules import ConformanceError, Report
    from m4graph.testing.simulators import check_simulator
    from m4graph.testing.sizes import check_size_law
    from m4graph.testing.steps import tiny_step, tiny_targets
    from m4graph.testing.tiny import tiny_network, tiny_scenario, tiny_workload
    from m4graph.testing.topology import check_topology

_NAMES = {
    "ConformanceError": "m4graph.testing.rules",
    "Report": "m4graph.testing.rules",
    "check_congestion_control": "m4graph.testing.congestion",
    "check_conv": "m4graph.testing.conv",
    "check_dataset": "m4graph.testing.datasets",
    "check_fault": "m4graph.testing.faults",
    "check_head": "m4graph.testing.heads",
    "check_mimic_model": "m4graph.testing.mimics",
    "check_simulator": "m4graph.testing.simulators",
    "check_size_law": "m4graph.testing.sizes",
    "check_topology": "m4graph.testing.topology",
    "tiny_network": "m4graph.testing.tiny",
    "tiny_scenario": "m4graph.testing.tiny",
    "tiny_step": "m4graph.testing.steps",
    "tiny_targets": "m4graph.testing.steps",
    "tiny_workload": "m4graph.testing.tiny",
}

__all__ = [
    "ConformanceError",
    "Report",
    "check_congestion_control",
    "check_conv",
    "check_dataset",
    "check_fault",
    "check_head",
    "check_mimic_model",
    "check_simulator",
    "check_size_law",
    "check_topology",
    "tiny_network",
    "tiny_scenario",
    "tiny_step",
    "tiny_targets",
    "tiny_workload",
]

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
