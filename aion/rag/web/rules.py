"""What one ingestion from the web may do. Plain data, made from the settings."""

from __future__ import annotations

from dataclasses import dataclass

from aion.errors import SettingsError
from aion.rag.web.domains import Domains
from aion.settings import Settings


@dataclass(frozen=True, slots=True)
class Rules:
    """`depth` counts links from a named page; `n_pages` are asked for at most; seconds and bytes are limits.

    A pause or a Retry-After longer than `max_wait_s` is not waited for: the host's other pages are left
    for another day.
    """

    domains: Domains
    user_agent: str
    delay_s: float = 1.0
    depth: int = 2
    n_pages: int = 200
    max_wait_s: float = 120.0
    max_attempts: int = 3
    max_hops: int = 5
    max_sitemaps: int = 50
    n_hosts: int = 4
    max_page_bytes: int = 10 * 2**20
    max_file_bytes: int = 50 * 2**20
    max_robots_bytes: int = 500 * 1024
    max_sitemap_bytes: int = 50 * 2**20

    @property
    def robot(self) -> str:
        """The product token of the user agent, which robots.txt and robots tags may address."""
        return self.user_agent.partition("/")[0].split(" ")[0] or "AION"


def rules_of(settings: Settings) -> Rules:
    """The operator's rules. Raises SettingsError on a whitelist that cannot be read."""
    if not settings.user_agent.isascii() or not settings.user_agent.isprintable() or not settings.user_agent:
        raise SettingsError(
            f"AION_USER_AGENT={settings.user_agent!r} cannot be sent; write it in ASCII, like AION/0.1.",
            param="AION_USER_AGENT",
        )
    return Rules(
        domains=Domains.parse(settings.crawl_domains),
        user_agent=settings.user_agent,
        delay_s=settings.crawl_delay_s,
        depth=settings.crawl_depth,
        n_pages=settings.crawl_pages,
        max_file_bytes=settings.max_file_mb * 2**20,
    )
