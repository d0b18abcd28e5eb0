"""Secrets for components: which one is meant, and where its value is read at each call."""
