"""Which proxy a request goes through; and no text ever holds a proxy's password."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from greendock.net.proxy import (
    Proxy,
    ProxySettings,
    from_environment,
    is_excluded,
    is_loopback,
    proxy_for,
    read_proxy,
    split_no_proxy,
)

PLAIN = Proxy("http://plain.test:3128")
SECURE = Proxy("http://secure.test:3128")
BOTH = ProxySettings(PLAIN, SECURE)
SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://a.test/", PLAIN),
        ("https://a.test/", SECURE),
        ("HTTPS://a.test/", SECURE),
        ("https://a.test:8443/x?y", SECURE),
        ("http://localhost:5000/", None),
        ("http://LOCALHOST/", None),
        ("http://localhost./", None),
        ("http://127.0.0.1/", None),
        ("http://127.9.9.9/", None),
        ("http://[::1]:80/", None),
        ("https://169.254.169.254/", SECURE),
        ("https://localhost.evil.tld/", SECURE),
        ("https://[2001:db8::1]/", SECURE),
    ],
)
def test_the_scheme_chooses_and_this_machine_needs_none(url: str, proxy: Proxy | None):
    assert proxy_for(url, BOTH) == proxy
    assert proxy_for(url, ProxySettings()) is None


@pytest.mark.parametrize(
    ("entry", "host", "port", "excluded"),
    [
        ("a.test", "a.test", 443, True),
        ("a.test", "A.Test", 443, True),
        ("A.TEST", "a.test", 443, True),
        ("a.test", "b.a.test", 443, True),
        ("a.test", "ba.test", 443, False),
        ("a.test", "a.test.evil", 443, False),
        ("a.test.", "a.test", 443, True),
        ("a.test", "a.test.", 443, True),
        (".a.test", "b.a.test", 443, True),
        (".a.test", "a.test", 443, False),
        ("*.a.test", "b.a.test", 443, True),
        ("*.a.test", "a.test", 443, False),
        ("*", "anything", 1, True),
        ("a.test:443", "a.test", 443, True),
        ("a.test:443", "a.test", 80, False),
        (".a.test:443", "b.a.test", 443, True),
        ("a.test:", "a.test", 443, False),
        ("a.test:http", "a.test", 80, False),
        ("10.0.0.1", "10.0.0.1", 80, True),
        ("10.0.0.1", "10.0.0.10", 80, False),
        ("10.0.0.1:80", "10.0.0.1", 80, True),
        ("10.0.0.1:80", "10.0.0.1", 81, False),
        ("0.0.1", "10.0.0.1", 80, True),  # names match by their end; so do digits
        ("10.0.0.0/8", "10.200.1.1", 80, True),
        ("10.0.0.0/8", "11.0.0.1", 80, False),
        ("10.0.0.7/8", "10.1.1.1", 80, True),
        ("10.0.0.0/8", "ten.test", 80, False),
        ("10.0.0.0/99", "10.0.0.1", 80, False),
        ("a.test/24", "a.test", 80, False),
        ("2001:db8::/32", "2001:db8::5", 80, True),
        ("2001:db8::/32", "2001:db9::5", 80, False),
        ("::/0", "10.0.0.1", 80, False),
        ("::1", "::1", 80, True),
        ("[::1]", "::1", 80, True),
        ("[::1]:80", "::1", 80, True),
        ("[::1]:80", "::1", 81, False),
        ("0:0::1", "::1", 80, True),
        ("[::1", "::1", 80, True),
        ("", "a.test", 80, False),
        (".", "a.test", 80, False),
        ("*.", "a.test", 80, False),
        (":", "a.test", 80, False),
        ("[]", "a.test", 80, False),
        ("/", "a.test", 80, False),
        ("a.test:" + "9" * 5000, "a.test", 80, False),
    ],
)
def test_entries_of_the_no_proxy_list(entry: str, host: str, port: int, excluded: bool):
    assert is_excluded(host, port, ["other.test", entry]) is excluded


def test_the_port_of_the_scheme_counts_when_there_is_none():
    settings = ProxySettings(PLAIN, SECURE, ("a.test:443", "b.test:80"))
    assert proxy_for("https://a.test/", settings) is None
    assert proxy_for("http://a.test/", settings) == PLAIN
    assert proxy_for("https://a.test:8443/", settings) == SECURE
    assert proxy_for("http://b.test/", settings) is None


def test_lists_are_split_on_commas_and_blanks():
    assert split_no_proxy(" a.test, .b.test\tc.test,,d.test ") == (
        "a.test",
        ".b.test",
        "c.test",
        "d.test",
    )
    assert split_no_proxy("") == ()


@pytest.mark.parametrize(
    ("text", "url", "username", "password"),
    [
        ("http://p.test:3128", "http://p.test:3128", None, None),
        ("p.test:3128", "http://p.test:3128", None, None),
        ("p.test", "http://p.test", None, None),
        ("HTTPS://p.test:8443/", "https://p.test:8443", None, None),
        ("http://ann:pw@p.test:3128", "http://p.test:3128", "ann", "pw"),
        ("ann:pw@p.test", "http://p.test", "ann", "pw"),
        ("http://ann@p.test", "http://p.test", "ann", ""),
        ("http://ann%40x:p%3A%2Fw%25@p.test", "http://p.test", "ann@x", "p:/w%"),
        ("http://ann:p:w@p.test", "http://p.test", "ann", "p:w"),
        ("http://ann:p@w@p.test", "http://p.test", "ann", "p@w"),
        ("http://:pw@p.test", "http://p.test", None, None),
        ("http://@p.test", "http://p.test", None, None),
        ("http://[::1]:3128", "http://[::1]:3128", None, None),
        ("http://p.test:3128/path?query#fragment", "http://p.test:3128", None, None),
    ],
)
def test_proxies_are_read(text: str, url: str, username: str | None, password: str | None):
    assert read_proxy(text, "x") == Proxy(url, username, password, "x")


def test_a_login_of_its_own_comes_before_that_of_the_url():
    proxy = read_proxy("http://ann:pw@p.test", "x", username="bob", password="other")
    assert (proxy.url, proxy.username, proxy.password) == ("http://p.test", "bob", "other")


@pytest.mark.parametrize(
    "text",
    [
        f"socks5://ann:{SECRET}@p.test",
        f"ftp://ann:{SECRET}@p.test",
        f"http://ann:{SECRET}@",
        f"http://ann:{SECRET}@:3128",
        f"http://ann:{SECRET}@p.test:port",
        f"http://ann:{SECRET}@p.test:99999",
        f"http://ann:{SECRET}@p.test:0",
        f"http://ann:{SECRET}@p.test:-1",
        f"http://ann:{SECRET}@[::1",
        f"http://ann:{SECRET}@::1]",
        f"http://ann:{SECRET}@[nonsense]:80",
        f"http://ann:{SECRET}/x@p.test",
        f"http://ann:1/{SECRET}@p.test",
        f"http://ann:1?{SECRET}@p.test",
        f"http://ann:1#{SECRET}@p.test",
        f"http://ann:{SECRET}\u2100@p.test",
        f"http://ann:{SECRET}@p\u2100.test",
        f"http://ann:{SECRET}@p .test",
        f"http://ann:{SECRET}@p\0.test",
        f"http://ann:{SECRET}@p.test:{'9' * 5000}",
        "",
        "http://",
        "://p.test",
    ],
)
def test_what_is_no_proxy_is_refused_without_its_password(text: str):
    with pytest.raises(ValueError) as refused:
        read_proxy(text, "x")
    assert str(refused.value)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_logins_are_not_shown():
    proxy = read_proxy(f"http://ann:{SECRET}@p.test", "x")
    for shown in (repr(proxy), str(proxy), repr(ProxySettings(proxy, proxy)), proxy.url):
        assert SECRET not in shown
        assert "ann" not in shown


@pytest.mark.parametrize(
    ("environ", "plain", "secure"),
    [
        ({}, None, None),
        ({"http_proxy": "a.test"}, "http://a.test", None),
        ({"HTTP_PROXY": "a.test"}, "http://a.test", None),
        ({"https_proxy": "a.test"}, None, "http://a.test"),
        ({"ALL_PROXY": "a.test"}, "http://a.test", "http://a.test"),
        ({"ALL_PROXY": "a.test", "https_proxy": "b.test"}, "http://a.test", "http://b.test"),
        ({"http_proxy": "low.test", "HTTP_PROXY": "up.test"}, "http://low.test", None),
        ({"http_proxy": "  ", "HTTP_PROXY": "up.test"}, "http://up.test", None),
        (
            {"http_proxy": "socks5://a.test", "all_proxy": "b.test"},
            "http://b.test",
            "http://b.test",
        ),
        ({"https_proxy": "http://a.test:port"}, None, None),
    ],
)
def test_variables_are_read(environ: dict[str, str], plain: str | None, secure: str | None):
    found = from_environment(environ)
    assert (found.http.url if found.http else None) == plain
    assert (found.https.url if found.https else None) == secure


def test_a_proxy_names_its_variable():
    found = from_environment({"HTTPS_PROXY": "a.test", "NO_PROXY": "b.test,c.test"})
    assert found.https is not None
    assert found.https.source == "the variable HTTPS_PROXY"
    assert found.no_proxy == ("b.test", "c.test")
    assert from_environment({"no_proxy": "a", "NO_PROXY": "b"}).no_proxy == ("a",)


PIECES = st.sampled_from(
    [*"ab.:/[]@%*,-_01259?# \t\n\\\0é\uff11\u2100", "::1", "http://", "10.0.0.0/8"]
)
HOSTILE = st.text(max_size=30) | st.lists(PIECES, max_size=12).map("".join)


@given(HOSTILE, HOSTILE, st.integers(0, 65535))
@example("[::1]:" + "9" * 5000, "::1", 80)
def test_no_entry_and_no_host_is_too_odd(entry: str, host: str, port: int):
    assert is_excluded(host, port, split_no_proxy(entry)) in (True, False)
    assert is_excluded(host, port, [entry]) in (True, False)
    assert is_loopback(host) in (True, False)


@given(HOSTILE, HOSTILE)
def test_no_variable_is_too_odd(proxy: str, entries: str):
    environ = {"http_proxy": proxy, "HTTPS_PROXY": proxy, "no_proxy": entries}
    found = from_environment(environ)
    assert found.http is None or found.http.url.startswith(("http://", "https://"))
    assert proxy_for("http://a.test/", found) in (None, found.http)


@given(HOSTILE)
def test_what_is_no_address_raises_a_value_error_only(url: str):
    with contextlib.suppress(ValueError):
        proxy_for(url, BOTH)


@given(
    HOSTILE.map(lambda x: f"{SECRET}{x}{SECRET}"),
    st.sampled_from(["p.test", "p.test:80", "p.test:x", "[::1]", "[::1", "", "p℀"]),
)
def test_no_password_gets_into_a_text(password: str, place: str):
    try:
        proxy = read_proxy(f"http://ann:{password}@{place}", "x")
    except ValueError as error:
        assert SECRET not in str(error)
    else:
        assert SECRET not in proxy.url + repr(proxy)
