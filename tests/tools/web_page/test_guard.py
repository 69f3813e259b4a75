"""Nothing that is not public is reached, whatever trick names it."""

import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest
from pytest_socket import SocketConnectBlockedError

from tests.tools.web_page.site import Site
from training_free_grpo.tools.web_page import PageError, PageReader


def finds(*addresses: str) -> Callable[[str, int], list[str]]:
    return lambda host, port: list(addresses)


def connects_to(address: str) -> pytest.RaisesGroup[Exception]:
    """The wall around the tests tells where a connection wanted to go."""
    told = (SocketConnectBlockedError, UserWarning)
    return pytest.RaisesGroup(pytest.RaisesExc(told, match=re.escape(f'"{address}"')))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "0177.0.0.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "127.0.0.1%00",
        "%31%32%37.0.0.1",
        "127。0。0。1",
        "１２７.0.0.1",
        "localhost",
        "LOCALHOST.",
        "ⓛocalhost",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[::1%25lo]",
    ],
)
def test_this_machine_is_not_reached_by_any_spelling(site: Site, host: str) -> None:
    # A port that is allowed, so that only the host is left to object to.
    reader = PageReader(allow_hosts=[f"docs.internal:{site.server_port}"])
    with pytest.raises(PageError):
        reader.read(f"http://{host}:{site.server_port}/")
    with pytest.raises(PageError):
        reader.read(f"http://{host}/")
    assert not site.contacts


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.1",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.8.8.8",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::10.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:5ef5:79fd:0:0:f5ff:fffe",
        "2001:2::1",
        "2001:db8::1",
        "2002:a00:1::1",
        "2002:808:808::1",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "2600::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_a_name_that_leads_to_no_public_address_is_refused(address: str) -> None:
    with pytest.raises(PageError, match="not public"):
        PageReader(resolve=finds(address)).read("http://example.com/")


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"]
)
def test_a_public_address_is_connected_to(address: str) -> None:
    with connects_to(address):
        PageReader(resolve=finds(address)).read("http://example.com/")


def test_one_private_address_among_public_ones_refuses_the_host() -> None:
    with pytest.raises(PageError, match="not public"):
        PageReader(resolve=finds("8.8.8.8", "10.0.0.1")).read("http://example.com/")


def test_the_metadata_host_of_a_cloud_is_refused() -> None:
    names = {"metadata.google.internal": ["169.254.169.254"]}
    with pytest.raises(PageError, match="not public"):
        PageReader(resolve=lambda host, port: names[host]).read("http://metadata.google.internal/")


def test_a_name_that_changes_its_address_is_connected_to_where_it_was_checked(site: Site) -> None:
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])
    reader = PageReader(
        allow_hosts=[f"docs.internal:{site.server_port}"],
        resolve=lambda host, port: next(answers),
    )
    with connects_to("8.8.8.8"):
        reader.read("http://rebinding.example/")
    with pytest.raises(PageError, match="not public"):
        reader.read("http://rebinding.example/")
    assert not site.contacts


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/secret",
        "//127.0.0.1:{port}/secret",
        "http://2130706433:{port}/secret",
        "http://[::ffff:127.0.0.1]:{port}/secret",
        "http://user@127.0.0.1:{port}/secret",
        "file:///etc/passwd",
        "ftp://127.0.0.1:{port}/secret",
        "gopher://127.0.0.1:{port}/secret",
        "data:text/html,secret",
        "http://",
        "http://[",
    ],
)
def test_a_redirect_does_not_lead_further_than_an_address(site: Site, target: str) -> None:
    with Site().running() as secret:
        site.redirect("/", target.format(port=secret.server_port))
        with pytest.raises(PageError):
            PageReader(allow_hosts=[site.host]).read(site.url())
        assert site.contacts == 1
        assert not secret.contacts


def test_a_rebinding_name_is_refused_behind_a_redirect(site: Site) -> None:
    addresses = {"docs.internal": ["127.0.0.1"], "rebinding.example": ["127.0.0.1"]}
    reader = PageReader(
        allow_hosts=[f"docs.internal:{site.server_port}"],
        resolve=lambda host, port: addresses[host],
    )
    site.redirect("/", "http://rebinding.example/")
    with pytest.raises(PageError, match=r"not public: rebinding\.example"):
        reader.read(f"http://docs.internal:{site.server_port}/")
    assert site.contacts == 1


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://example.com/", "gopher://example.com/", "data:text/plain,x"],
)
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(PageError, match="http"):
        PageReader().read(url)


@pytest.mark.parametrize(
    "url",
    ["http://example.com@127.0.0.1/", "http://me:key@example.com/", r"http://example.com\@127.1/"],
)
def test_a_user_name_in_an_address_is_refused_and_its_password_not_repeated(url: str) -> None:
    with pytest.raises(PageError, match="user name") as caught:
        PageReader(resolve=finds("8.8.8.8")).read(url)
    assert "key" not in str(caught.value)


@pytest.mark.parametrize("port", [0, 22, 25, 6379, 65535])
def test_ports_that_serve_no_web_are_refused(port: int) -> None:
    with pytest.raises(PageError, match=f"port {port} is refused"):
        PageReader(resolve=finds("8.8.8.8")).read(f"http://example.com:{port}/")


@pytest.mark.parametrize("url", ["", "example.com", "/page", "http://", "http://a b/", "http://[/"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(PageError):
        PageReader().read(url)


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 70 + ".com", "a..b"])
def test_an_unknown_host_is_reported(host: str) -> None:
    with pytest.raises(PageError, match=r"no host of this name|no valid address"):
        PageReader().read(f"http://{host}/")


def test_a_proxy_of_the_environment_is_not_used(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, site.url())
    with connects_to("8.8.8.8"):
        PageReader(resolve=finds("8.8.8.8")).read("http://example.com/")
    assert not site.contacts


def test_an_allowed_host_with_a_port_opens_this_port_alone(site: Site) -> None:
    site.put("/", "<p>Hello.")
    with Site().running() as other:
        reader = PageReader(allow_hosts=[site.host])
        assert reader.read(site.url())["text"] == "Hello."
        with pytest.raises(PageError, match="port"):
            reader.read(other.url())
        with pytest.raises(PageError, match="not public"):
            reader.read("http://127.0.0.1/")
        assert not other.contacts


def test_an_allowed_host_without_a_port_opens_the_ports_of_the_web() -> None:
    reader = PageReader(allow_hosts=["Docs.Internal"], resolve=finds("10.0.0.1"))
    with connects_to("10.0.0.1"):
        reader.read("https://docs.internal:8443/")
    with pytest.raises(PageError, match="port 22"):
        reader.read("http://docs.internal:22/")


def test_an_allowed_host_does_not_open_its_subdomains() -> None:
    with pytest.raises(PageError, match="not public"):
        PageReader(allow_hosts=["internal"], resolve=finds("10.0.0.1")).read("http://x.internal/")


@pytest.mark.parametrize("entry", ["", "http://x", "x/y", "*.x", "me@x", "x:y", "[::1", "x:99999"])
def test_what_is_no_host_cannot_be_allowed(entry: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"allow_hosts: {entry!r}")):
        PageReader(allow_hosts=[entry])


def test_hosts_are_allowed_as_a_list() -> None:
    with pytest.raises(ValueError, match="allow_hosts"):
        PageReader(allow_hosts="docs.internal")


def test_the_next_address_is_tried_when_one_takes_no_connection(site: Site) -> None:
    site.put("/", "<p>Hello.")
    reader = PageReader(
        allow_hosts=[f"docs.internal:{site.server_port}"],
        resolve=finds("::1", "127.0.0.1"),
    )
    assert reader.read(f"http://docs.internal:{site.server_port}/")["text"] == "Hello."


def test_no_cookie_credential_or_referer_is_sent(site: Site, reader: PageReader) -> None:
    def first(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/plain")
        handler.send_header("Set-Cookie", "session=1; Path=/")
        handler.end_headers()
        handler.wfile.write(b"Hello.")

    reader.read(site.on("/", first))
    reader.read(site.redirect("/old", "/new") if site.put("/new", "Hello.") else "")
    sent = {name.lower() for request in site.requests for name in request}
    assert sent == {"host", "accept", "accept-encoding", "connection", "user-agent"}


def test_servers_are_told_who_asks(site: Site) -> None:
    reader = PageReader(allow_hosts=[site.host], user_agent="Library (me@example.org)")
    reader.read(site.put("/", "Hello."))
    assert site.requests[0]["User-Agent"] == "Library (me@example.org)"
    assert site.requests[0]["Host"] == site.host
