"""Shadows of things, kept on this device: document rules, a durable store, the operations."""
