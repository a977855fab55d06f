"""The web page: static files built from `web/` and shipped in the package; no network and no Node when it runs."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

STATIC = Path(__file__).parent / "static"
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_NOT_BUILT = b"<!doctype html><title>Bandi</title><p>The page was not built. In a checkout: <code>make console</code>."


@dataclass(frozen=True, slots=True)
class Page:
    """A file to send."""

    body: bytes
    media_type: str
    headers: dict[str, str]


def find_page(path: str) -> Page | None:
    """The file for a request path (`` and `console` are the page, `docs/` the API browser), or None."""
    if not STATIC.is_dir():
        return Page(_NOT_BUILT, "text/html", {"content-security-policy": _POLICY}) if path in ("", "console") else None
    return _files().get({"": "index.html", "console": "index.html", "docs/": "docs/index.html"}.get(path, path))


@lru_cache(maxsize=1)
def _files() -> dict[str, Page]:
    """All built files by path: only what was there at the first look is ever sent, so no path can leave the folder."""
    pages = {}
    for file in sorted(STATIC.rglob("*")):
        if file.is_file():
            body = file.read_bytes()
            media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            hashed = "assets" in file.parts
            headers = {
                "content-security-policy": _POLICY,
                "x-content-type-options": "nosniff",
                "cache-control": "public, max-age=31536000, immutable" if hashed else "no-cache",
                "etag": f'"{sha256(body).hexdigest()[:32]}"',
            }
            pages[file.relative_to(STATIC).as_posix()] = Page(body, media_type, headers)
    return pages
