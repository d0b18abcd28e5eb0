"""Handlers of the IPC operations, one file per family; `registry.py` collects them."""
