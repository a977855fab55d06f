"""Who is held out: a reader's id and a salt decide, so it needs no table, and is the same in every process and language.

The first 8 bytes of BLAKE2b (RFC 7693; 8-byte digest, the salt as key) of the id in UTF-8, read as a big-endian number, lie
below share * 2**64 for those held out. A larger share keeps everybody who was held out before.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from bandi.model.config import Holdout


def is_held_out(holdout: Holdout, user: str) -> bool:
    """Whether the reader with that id is held out. O(length of the id), about a microsecond."""
    digest = hashlib.blake2b(user.encode("utf-8", "surrogatepass"), digest_size=8, key=holdout.salt.encode()).digest()
    return int.from_bytes(digest, "big") < holdout.share * 2.0**64


def covers(holdout: Holdout | None, placement: str) -> TypeGuard[Holdout]:
    """Whether readers are held out at that placement."""
    return holdout is not None and (not holdout.placements or placement in holdout.placements)


def version_served(holdout: Holdout) -> str:
    """What decisions for held-out readers say in place of the policy's version, such as `holdout_popular@6c0a1f2e`.

    The digest is of share and salt: another draw of readers is another version.
    """
    drawn = f"{holdout.share!r} {holdout.salt}".encode()
    return f"holdout_{holdout.serves}@{hashlib.sha256(drawn).hexdigest()[:8]}"
