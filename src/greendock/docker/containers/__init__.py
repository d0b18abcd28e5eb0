"""Containers of components: which are whose, and pausing them. Asks the engine only."""
