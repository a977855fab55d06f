"""A catalogue that is put into and taken out of as the fold does it."""

import msgspec
import pytest

from bandi.catalog.interning import Interner
from bandi.catalog.items import Items
from bandi.model.catalog import Item


class Shop:
    """Items with their ids."""

    def __init__(self, *items: Item) -> None:
        self.ids, self.items = Interner(), Items()
        self.put(*items)

    def put(self, *items: Item) -> None:
        new = list(dict.fromkeys(item.id for item in items if self.ids.lookup("item", item.id) < 0))
        self.ids.add("item", new)
        self.items.put(msgspec.msgpack.encode(items), self.ids)

    def delete(self, *ids: str) -> None:
        self.items.delete(list(ids), self.ids)

    def kept(self, mask: list[bool]) -> str:
        """The ids of one letter that a mask keeps, as one text."""
        return "".join(text for text, kept in zip(self.ids.texts("item"), mask, strict=True) if kept)


@pytest.fixture(scope="session")
def shop_of() -> type[Shop]:
    return Shop
