"""The Docker application manager: image references, the Engine API, images."""
