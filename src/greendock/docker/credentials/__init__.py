"""Logins for registries, from where the configuration or the device keeps them."""
