"""What looks on at a run: tables of samples and packets, labels of events, and calls to Python."""
