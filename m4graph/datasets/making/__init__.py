"""Making runs: distributions of scenarios, their simulation, manifests, and what is refused."""
