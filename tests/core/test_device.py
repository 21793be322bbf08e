from __future__ import annotations

import pytest
import torch

from m4graph.core.device import resolve_device
from m4graph.core.errors import ConfigError


def test_devices_that_exist():
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device(torch.device("cpu")) == torch.device("cpu")


def test_cuda_where_there_is_one():
    if torch.cuda.is_available():
        assert resolve_device("cuda").type == "cuda"
    else:
        with pytest.raises(ConfigError, match=r"got 'cuda'"):
            resolve_device("cuda")


@pytest.mark.parametrize("device", ["gpu", "", "cuda:99", "meta", "cpu cuda", "xla", 3.5, None])
def test_devices_that_do_not(device):
    with pytest.raises(ConfigError, match=rf"^device: expected cpu, or cuda .*\(got '{device}'\)$"):
        resolve_device(device)
