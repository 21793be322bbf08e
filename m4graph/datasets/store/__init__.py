"""Keeping runs: where they come from, and the files of graphs that are made of them."""
