"""The registry client: what an image is, before anything is fetched."""
