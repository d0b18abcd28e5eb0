"""The kernel's addresses are read, added and removed without an `ip` command."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from greendock.net.address_table import AddressTable, interface_name
from greendock.net.interface_addresses import InterfaceAddress, add, ask_all, read

LABELLED = "gdtest0:gd"


@pytest.fixture
def interface(lab):
    """The number of an interface in the lab's network that has one address."""
    lab.run_inside("ip", "link", "add", "gdtest0", "type", "bridge")
    lab.run_inside("ip", "address", "add", "192.0.2.1/24", "dev", "gdtest0")
    with lab.namespaces.network():
        yield socket.if_nametoindex("gdtest0")
    lab.run_inside("ip", "link", "delete", "gdtest0")


def of(number):
    return [a for a in AddressTable().all() if a.interface == number]


def test_an_address_comes_and_goes(lab, interface):
    first = InterfaceAddress(interface, "192.0.2.1", 24, "gdtest0")
    second = InterfaceAddress(interface, "198.51.100.7", 32, LABELLED)
    table = AddressTable()
    assert of(interface) == [first]
    for _ in range(2):
        table.add(second)
        # Behind the interface's own: what comes first is its network for others.
        assert of(interface) == [first, second]
    shown = lab.run_inside("ip", "-4", "-o", "address", "show", "dev", "gdtest0").splitlines()
    assert "198.51.100.7/32 scope global gdtest0:gd" in shown[1]
    for _ in range(2):
        table.remove(second)
        assert of(interface) == [first]
    assert interface_name(interface) == "gdtest0"


def test_an_interface_that_is_gone(lab, interface):
    gone = InterfaceAddress(interface + 1000, "198.51.100.7", 32, LABELLED)
    AddressTable().remove(gone)
    with pytest.raises(OSError, match="refused"):
        AddressTable().add(gone)
    assert interface_name(interface + 1000) == ""


def test_who_listens(interface):
    table = AddressTable()
    with socket.socket() as listening:
        listening.bind(("192.0.2.1", 0))
        assert not table.has_listener("192.0.2.1")
        listening.listen()
        assert table.has_listener("192.0.2.1")
        assert not table.has_listener("192.0.2.2")


def test_without_the_right_to_it_is_told(lab, interface, tmp_path):
    code = (
        "from greendock.net.address_table import AddressTable\n"
        "from greendock.net.interface_addresses import InterfaceAddress\n"
        f"table, new = AddressTable(), InterfaceAddress({interface}, '192.0.2.9', 32, 'x')\n"
        "assert table.all()\n"
        "try:\n    table.add(new)\n"
        "except PermissionError:\n    print('not permitted')\n"
    )
    argv = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", sys.executable]
    result = subprocess.run([*argv, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.stdout == "not permitted\n", result.stderr


@given(st.binary(max_size=200))
@example(ask_all())
@example(add(InterfaceAddress(1, "192.0.2.1", 32, "lo:gd")))
def test_whatever_the_kernel_says_is_read(data):
    try:
        found, _ = read(data)
    except OSError:
        return
    assert all(isinstance(address, InterfaceAddress) for address in found)


@given(
    st.integers(1, 1 << 31),
    st.ip_addresses(v=4),
    st.integers(0, 32),
    st.text(alphabet="abz0:", max_size=15),
)
def test_what_is_written_is_read(interface, address, prefix, label):
    wanted = InterfaceAddress(interface, str(address), prefix, label)
    assert read(add(wanted)) == ([wanted], False)
