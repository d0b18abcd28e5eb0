"""Greendock: an edge core for Docker containers that runs Greengrass V2 components unchanged."""

__version__ = "0.1.0"
