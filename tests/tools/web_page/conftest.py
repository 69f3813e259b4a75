from collections.abc import Iterator

import pytest

from tests.tools.web_page.site import Site
from training_free_grpo.tools.web_page import PageReader


@pytest.fixture
def site() -> Iterator[Site]:
    with Site().running() as site:
        yield site


@pytest.fixture
def reader(site: Site) -> PageReader:
    return PageReader(allow_hosts=[site.host])
