"""Bundles: recipes, artifacts and images of a device in one file; its format, read and written."""
