"""What observes a run: samples of links and flows, packets at taps, labels of flow events."""
