"""The torch engine by itself."""

from __future__ import annotations

import torch

from m4graph.learned.torch_engine import TorchEngine
from m4graph.nn import FlowLinkModel
from m4graph.runs.sample import two_flows


def test_a_run_leaves_the_number_of_torch_threads_as_it_was() -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        TorchEngine(FlowLinkModel(hidden_channels=8), [two_flows()]).run(4)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
