"""Exclude the pages of domains."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit


def check_domains(domains: Iterable[str]) -> frozenset[str]:
    """Return the domains as they are compared; raise ValueError for an invalid one."""
    for domain in domains:
        if not re.fullmatch(r"[^\s/:@*.]+(\.[^\s/:@*.]+)+", domain):
            raise ValueError(f"exclude_domains: {domain!r} is not a domain such as 'example.com'")
    return frozenset(map(_ascii, domains))


def is_excluded(url: str, domains: frozenset[str]) -> bool:
    """Return whether an address belongs to one of the domains or their subdomains."""
    labels = _host(url).split(".")
    return any(".".join(labels[start:]) in domains for start in range(len(labels)))


def _host(url: str) -> str:
    has_scheme = re.match(r"\s*([a-z][a-z0-9+.-]*:)?//", url, re.IGNORECASE)
    try:
        return _ascii(urlsplit(url.strip() if has_scheme else f"//{url}").hostname or "")
    except ValueError:
        return ""


def _ascii(host: str) -> str:
    """Write a name as name servers do: bücher.de and xn--bcher-kva.de are the same."""
    try:
        return host.lower().rstrip(".").encode("idna").decode()
    except UnicodeError:
        return host.lower()
