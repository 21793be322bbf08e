"""The recurrent model of MimicNet: its options in ``config``, the model in ``model``."""
