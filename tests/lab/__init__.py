"""The lab: a private Docker Engine with real registries, for tests that need the real thing.

Everything runs in network and mount namespaces of its own; nothing outside is reachable or
touched. Tests use the fixtures `lab`, `core` and `make_core` of `tests/conftest.py`.
"""
