"""Measures Greendock against the alternative in the same run; `make bench` prints the figures."""
