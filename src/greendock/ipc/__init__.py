"""Greengrass interprocess communication: the event-stream RPC protocol and its operations."""
