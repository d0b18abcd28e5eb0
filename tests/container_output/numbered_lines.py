"""A container that prints numbered lines to both streams for some seconds, and its lines."""

from __future__ import annotations

COUNT = 10_000
NUMBERS = f"""
i=0
while [ $i -lt {COUNT} ]; do
    i=$((i+1))
    echo "out $i of a line that is somewhat longer than it would have to be"
    [ $((i % 3)) = 0 ] && echo "err $i" >&2
    [ $((i % 50)) = 0 ] && usleep 20000
done
echo done >&2
sleep 1000
"""
OUT = [
    f"out {i} of a line that is somewhat longer than it would have to be"
    for i in range(1, COUNT + 1)
]
ERR = [*(f"err {i}" for i in range(3, COUNT + 1, 3)), "done"]
