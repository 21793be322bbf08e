"""What everything stands on, and nothing of networks: errors, units, registries, files, kernels."""
