"""Archives of simulations as a data set of PyTorch Geometric."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

from torch_geometric.data import Dataset, HeteroData

from m4graph.core.calls import plain_call
from m4graph.core.errors import InputError
from m4graph.core.progress import count_progress
from m4graph.datasets.importers.routenet.archive import GRAPHS, ROUTINGS
from m4graph.datasets.importers.routenet.store import ENDING, ArchiveStore
from m4graph.datasets.store.items import StoredItems, map_tensors


@plain_call
class RouteNetDataset(Dataset):  # type: ignore[misc]
    r"""Simulations of wide-area networks, with delay, jitter and loss of every path: the public
    archives of the Barcelona Neural Networking Center, `version 6
    <https://github.com/BNN-UPC/NetworkModelingDatasets/tree/main/datasets_v6>`_, from the paper
    `"RouteNet-Fermi: Network Modeling with Graph Neural Networks"
    <https://arxiv.org/abs/2212.12070>`_.

    ``root/raw`` holds folders as a download unpacks to: ``graphs``, ``routings``, and archives
    ``*.tar.gz``, which are read as they are. Simulations whose measurements did not become stable
    are left out (:attr:`num_unstable`). ``root/processed`` has one or more safetensors files for
    each archive; what is there already is kept, so an interruption costs one archive at most.

    Args:
        root (str or Path): Folder of the data set.
        split (str, optional): Only archives in a folder of this name, as in ``"train"``,
            ``"validation"``, ``"test"``. (default: all)
        transform (callable, optional): Takes a graph and gives another, at every access.
            (default: ``None``)
        pre_transform (callable, optional): The same, once, before it is stored.
            (default: ``None``)
        pre_filter (callable, optional): Tells of a graph whether to store it. (default: ``None``)
        force_reload (bool): Process all archives anew. (default: ``False``)
        log (bool): Show progress. (default: ``False``)

    Raises:
        InputError: If there are no archives, or one is malformed; the message names the archive,
            the file in it and the line.

    **Fields:** times are in seconds, rates in 1/s, as the simulator counts them; float32 where
    nothing else is said. What is measured is a label, but for ``traffic_bps`` and
    ``packets_per_s``, which RouteNet takes as inputs.

    .. list-table::
        :header-rows: 1

        * - Field
          - Type and size
          - Meaning
        * - ``["path"].src, dst, flow``
          - int64 ``[num_paths]``
          - A path is a flow with packets: its nodes, and its number between them.
        * - ``["path"].tos``
          - int64 ``[num_paths]``
          - Type of service.
        * - ``["path"].traffic_bps, packets_per_s``
          - ``[num_paths]``
          - What it sent.
        * - ``["path"].mean_bps, mean_packet_bits``
          - ``[num_paths]``
          - What it was to send.
        * - ``["path"].time_distribution, time_parameters``
          - int64 ``[num_paths]``, ``[num_paths, 16]``
          - Index in ``TIME_DISTRIBUTIONS``, columns ``TIME_PARAMETERS`` of ``routenet.traffic``.
        * - ``["path"].size_distribution, packet_bits, packet_share``
          - int64 ``[num_paths]``, ``[num_paths, 8]`` twice
          - Index in ``SIZE_DISTRIBUTIONS`` of ``routenet.traffic``; sizes, and the share of each.
        * - ``["path"].delay_s, log_delay, jitter_s2``
          - ``[num_paths]``
          - Mean of the packets' delays, of their logarithms, and their variance.
        * - ``["path"].delay_percentiles_s``
          - ``[num_paths, 5]``
          - The 10th, 20th, 50th, 80th and 90th.
        * - ``["path"].drops_per_s, loss``
          - ``[num_paths]``
          - Packets dropped; the same as a share of those sent.
        * - ``["link"].src, dst, policy``
          - int64 ``[num_links]``
          - Of a directed link; index of its first node's in ``POLICIES``: FIFO, SP, WFQ, DRR.
        * - ``["link"].capacity_bps, load``
          - ``[num_links]``
          - Its rate, and what all paths send over it as a share of that.
        * - ``["link"].utilization, loss, mean_packet_bits``
          - ``[num_links]``
          - As measured, if the archive has it.
        * - ``["queue"].level, buffer_in_packets``
          - int64, bool ``[num_queues]``
          - Rank among the queues of its link, 0 goes first; unit of ``buffer``.
        * - ``["queue"].buffer, weight``
          - ``[num_queues]``
          - Its size in bits or packets; its share of the link, 0: the policy has none.
        * - ``["queue"].utilization, loss, mean_occupancy, max_occupancy, mean_packet_bits``
          - ``[num_queues]``
          - As measured, if the archive has it.
        * - ``["path", "crosses", "link"].edge_index, hop``, and ``["link", "rev_crosses", "path"]``
          - int64 ``[2, num_hops]``, ``[num_hops]``
          - Routes, path by path, hop by hop.
        * - ``["path", "waits_in", "queue"].edge_index, hop``, and the reverse
          - int64 ``[2, num_hops]``, ``[num_hops]``
          - The queue of each of these links that takes its type of service.
        * - ``["queue", "feeds", "link"].edge_index``, and the reverse
          - int64 ``[2, num_queues]``
          - The queues of each link.
        * - ``max_mean_bps, packets_per_s, drops_per_s, delay_s, simulated_s``
          - float
          - Of the whole network; ``simulated_s`` is nan if the archive does not have it.

    **Split:** by folders, as the archives come.
    """

    def __init__(
        self,
        root: str | Path,
        split: str | None = None,
        transform: Callable[[HeteroData], Any] | None = None,
        pre_transform: Callable[[HeteroData], Any] | None = None,
        pre_filter: Callable[[HeteroData], bool] | None = None,
        force_reload: bool = False,
        log: bool = False,
    ) -> None:
        self.split = split
        root = Path(root).expanduser()
        self._archives = _archives(root / "raw", split)
        self._store = ArchiveStore(root / "raw", root / "processed", pre_filter, pre_transform)
        self._opened: dict[int, StoredItems] = {}
        super().__init__(
            str(root), transform, pre_transform, pre_filter, log=log, force_reload=force_reload
        )
        self._read_index()

    @property
    def raw_file_names(self) -> list[str]:
        """The archives, relative to ``root/raw``."""
        return [path.relative_to(self.raw_dir).as_posix() for path in self._archives]

    @property
    def processed_file_names(self) -> list[str]:
        """What tells of each archive that it is done, and in which files it stands."""
        return [self._store.note(path).name for path in self._archives]

    def process(self) -> None:
        """Stores the graphs of all archives that are not stored yet, or have changed."""
        Path(self.processed_dir).mkdir(parents=True, exist_ok=True)
        with count_progress("archives processed") as report:
            for done, path in enumerate(self._archives):
                if self.log:
                    report(done, len(self._archives))
                if self.force_reload or self._store.differs(path):
                    self._store(path)

    def len(self) -> int:
        """Number of simulations."""
        return self._ends[-1] if self._ends else 0

    def get(self, idx: int) -> HeteroData:
        """Reads a simulation."""
        chunk = bisect_right(self._ends, idx)
        if chunk not in self._opened:
            self._opened[chunk] = StoredItems(*map_tensors(self._chunks[chunk]))
        return self._opened[chunk][idx - (self._ends[chunk - 1] if chunk else 0)]

    def __getstate__(self) -> dict[str, Any]:
        """Without open files: another process opens its own."""
        return {**self.__dict__, "_opened": {}}

    def _process(self) -> None:
        """In place of PyG's, which writes pickles beside the processed files."""
        self.process()

    def _download(self) -> None:
        """Nothing: what is missing is told before."""

    def _read_index(self) -> None:
        notes = [self._store.read_note(path) for path in self._archives]
        self.num_unstable = sum(int(note["unstable"]) for note in notes)
        files = [item for note in notes for item in note["files"].items()]
        self._chunks = [Path(self.processed_dir) / name for name, _ in files]
        self._ends = list(accumulate(count for _, count in files))


def _archives(raw: Path, split: str | None) -> list[Path]:
    found = sorted(path for path in raw.rglob(f"*{ENDING}") if path.is_file())
    chosen = [
        path for path in found if split is None or split in path.relative_to(raw).parent.parts
    ]
    if not chosen:
        what = "archives *.tar.gz" if split is None else f"archives in a folder {split}"
        raise InputError(
            f"{raw}: expected {what}, with folders {GRAPHS} and {ROUTINGS} beside them "
            f"(got {len(found)} archives)"
        )
    return chosen
