"""Services of `compose up` go on in the log where the killed Compose had printed them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_LINE = re.compile(r"(web|db) (\d+)$")
FILE = """
services:
  web:
    image: mysql:8.0
    network_mode: none
    init: true
    command: ["/bin/sh", "-c", "i=0; while :; do i=$$((i+1)); echo web $$i; usleep 20000; done"]
  db:
    image: mysql:8.0
    network_mode: none
    init: true
    command: ["/bin/sh", "-c", "i=0; while :; do i=$$((i+1)); echo db $$i >&2; usleep 30000; done"]
"""


@pytest.mark.parametrize("program", ["ours", "the machine's"])
def test_each_line_once(lab, run, reader, tmp_path, program):
    path = lab.compose if program == "ours" else Path("/usr/bin/docker-compose")
    assert path.exists()
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "compose.yml").write_text(FILE)
    script = f"cd {folder} && exec {path} -f compose.yml up"
    reader.start("script", {"script": script})
    reader.wait_for_some("db 40")
    reader.kill()
    shown = '{{.Id}} {{.Name}} {{index .Config.Labels "com.docker.compose.service"}}'
    for container_id in lab.docker("ps", "-q").stdout.split():
        found, name, service = lab.docker(
            "inspect", "--format", shown, container_id
        ).stdout.split()
        shape = {
            "id": found,
            "name": name.lstrip("/"),
            "compose_project": "shop",
            "compose_service": service,
        }
        reader.start("follow", shape)
        reader.wait_for_some(f"{service} 150")
        reader.kill()
    lines = [_LINE.search(line) for line in reader.lines()]
    for service in ("web", "db"):
        numbers = [int(line[2]) for line in lines if line and line[1] == service]
        assert numbers == list(range(1, len(numbers) + 1))
