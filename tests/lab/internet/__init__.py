"""The internet as the lab's engine sees it: registries behind TLS, token servers, a proxy.

One process (`python -m lab.internet FOLDER`), started inside the lab's namespaces. It is told
what to do wrong, and asked what it was asked for, over the socket `control.sock` in FOLDER.
"""
