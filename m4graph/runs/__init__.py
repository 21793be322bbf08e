"""Runs as plain arrays: what data sets, models and estimates share. No torch is needed here."""

from m4graph.runs.events import event_stream, true_stream
from m4graph.runs.flow_network import FlowNetwork
from m4graph.runs.labelled_run import LabelledRun

__all__ = ["FlowNetwork", "LabelledRun", "event_stream", "true_stream"]
