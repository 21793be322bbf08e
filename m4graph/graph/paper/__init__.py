"""The graph of the original m4: whole components, with its own features."""
