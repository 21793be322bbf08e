"""Columns of a network's output: latency in [0, 1], and logits of drop and mark."""

LATENCY, DROP, MARK = range(3)
