"""The physics that simulators and models share: max-min fair rates, windows, bursts, control."""
