"""The Docker socket of each component: HTTP to the engine, with what the rules add and refuse."""
