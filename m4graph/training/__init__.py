"""Training: episodes of event streams, losses, Lightning, published checkpoints."""
