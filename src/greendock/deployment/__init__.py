"""Decide and carry out change: resolve, plan, prepare, apply, commit."""
