"""Training of :class:`~m4graph.nn.PaperModel` as in its paper: busy periods, one loss a flow."""
