"""Configuration of the token exchange service: what is taken, refused, or counts as default."""

from __future__ import annotations

import pytest

from greendock.base.errors import ConfigurationError
from greendock.config.token_exchange import (
    RetrySeconds,
    allowed_components,
    retry_seconds,
    service_port,
)


@pytest.mark.parametrize(
    ("value", "port"), [(None, 0), ("", 0), (0, 0), (8443, 8443), ("8443", 8443), (65535, 65535)]
)
def test_ports(value, port):
    assert service_port({"port": value}) == port
    assert service_port({"Port": value}) == port


@pytest.mark.parametrize("value", [-1, 65536, "http", True, 1.5, [1], {"a": 1}])
def test_what_is_no_port_is_refused(value):
    with pytest.raises(ConfigurationError, match=r"TokenExchangeService configuration\.port"):
        service_port({"port": value})


@pytest.mark.parametrize(
    ("value", "seconds", "is_told"),
    [
        (10, 10, False),
        ("30", 30, False),
        (42_900, 42_900, False),
        (None, 120, False),
        (9, 120, True),
        (42_901, 120, True),
        (-1, 120, True),
        ("soon", 120, True),
        (True, 120, True),
    ],
)
def test_seconds_out_of_range_count_as_the_default(value, seconds, is_told):
    found, wrong = retry_seconds({"credentialRetryInSec": {"clientError": value}})
    assert found == RetrySeconds(client_error_s=seconds)
    assert [("credentialRetryInSec.clientError" in text) for text in wrong] == [True] * is_told


def test_all_seconds_and_none():
    keys = {"clientError": 11, "serverError": 12, "unknownError": 13}
    assert retry_seconds({"credentialRetryInSec": keys}) == (RetrySeconds(11, 12, 13), ())
    assert retry_seconds({}) == (RetrySeconds(120, 60, 300), ())


def test_seconds_that_are_no_map_are_told_once_each():
    found, wrong = retry_seconds({"credentialRetryInSec": "fast"})
    assert found == RetrySeconds()
    assert len(wrong) == 3


@pytest.mark.parametrize(
    ("configuration", "allowed"),
    [
        ({}, None),
        ({"greendock": {}}, None),
        ({"greendock": {"allow": []}}, ()),
        ({"greendock": {"allow": ["a", "b"]}}, ("a", "b")),
        ({"greendock": {"Allow": "*"}}, ("*",)),
    ],
)
def test_who_is_allowed(configuration, allowed):
    assert allowed_components(configuration) == allowed


@pytest.mark.parametrize("value", [[1], {"a": True}, [""], 7])
def test_a_list_of_other_things_is_refused(value):
    with pytest.raises(ConfigurationError, match=r"greendock\.allow"):
        allowed_components({"greendock": {"allow": value}})
