"""What holds of departures whatever a model predicts (numba)."""

from __future__ import annotations

from collections.abc import Callable

from m4graph.core.compilation import kernel_digest
from m4graph.core.kernels import cached_kernel
from m4graph.learned.bystanders import move_bystanders
from m4graph.learned.latest import limit_departures


def _build(digest: str) -> Callable[..., None]:
    @cached_kernel
    def keep_rules(agenda, tracker):
        digest  # noqa: B018 - makes it part of the cache key
        limit_departures(agenda, tracker)
        move_bystanders(agenda, tracker)

    return keep_rules  # type: ignore[no-any-return]


keep_rules: Callable[..., None] = _build(kernel_digest(__name__))
"""``keep_rules(agenda, tracker_state)``, before the predictions of a step: the flows that it
touches will leave in time (:mod:`.latest`), others follow their fair shares (:mod:`.bystanders`).
"""
