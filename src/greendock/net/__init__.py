"""Requests that leave the device: proxies, certificates, time limits, typed failures."""
