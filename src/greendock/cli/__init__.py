"""The command line: talks to the core through IPC only."""
