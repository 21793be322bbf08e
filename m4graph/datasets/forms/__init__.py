"""What a run is given as: one graph, a graph for each event, or a table of flows."""
