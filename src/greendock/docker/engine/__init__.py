"""The Engine API: one client of one engine, and what it says as typed data."""
