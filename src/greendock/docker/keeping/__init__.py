"""The ledger of images, and what follows from it: tags, clean-up, archives."""
