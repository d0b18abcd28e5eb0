"""What compose files name, and compose's two commands. Reads what compose reads; never runs it."""
