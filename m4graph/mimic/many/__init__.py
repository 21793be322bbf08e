"""One mimic for many configurations: small runs, the tables fitted to them, and the training."""
