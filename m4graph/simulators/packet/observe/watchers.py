"""What is called at set times of a run, in Python: faults, samples, and what others write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from m4graph.simulators.packet.driver import PacketRun


class Watcher:
    """Looks on at runs of the packet simulator, at times that it chooses.

    It asks for calls with :meth:`PacketRun.call_at` and may read all arrays of ``run.state``
    meanwhile (:class:`~m4graph.simulators.packet.layout.State`). One that writes to them, or puts
    others in their place, changes the run. A watcher may be given several runs, one after another.
    """

    def begin(self, run: PacketRun) -> None:
        """A run begins: forget the one before, prepare arrays, ask for the first calls."""

    def drain(self, run: PacketRun) -> None:
        """A buffer that the loop writes into is full: whoever owns it empties it."""

    def finish(self, run: PacketRun) -> dict[str, Any]:
        """The run has ended: gives what is to stand in ``result.extra``, by its name."""
        return {}
