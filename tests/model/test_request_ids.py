"""Request ids: there and back, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandi.model import request_ids
from bandi.model.errors import InvalidInputError


@given(
    boot=st.integers(1, request_ids.MAX_BOOTS - 1),
    sequence=st.integers(0, request_ids.MAX_SEQUENCE - 1),
    placement=st.integers(0, 1023),
)
def test_ids_go_round_and_sort_as_they_were_issued(boot: int, sequence: int, placement: int) -> None:
    request = request_ids.pack(boot, sequence, placement)
    text = request_ids.encode(request)
    assert len(text) == 13
    assert request_ids.decode(text) == request
    assert request_ids.placement_of(request) == placement
    later = request_ids.pack(boot, sequence + 1, 0)
    if sequence + 1 < request_ids.MAX_SEQUENCE:
        assert request_ids.encode(later) > text


@given(text=st.text(max_size=20))
def test_other_text_is_refused_or_an_id(text: str) -> None:
    try:
        request = request_ids.decode(text)
    except InvalidInputError as error:
        assert "request id" in str(error)
    else:
        assert request_ids.encode(request) == text.upper()


@pytest.mark.parametrize(
    "text", ["", "0" * 13, "_" * 13, "+000000000001", "000000000000 ", "Z" * 13, "١" * 13, "V" * 13]
)
def test_near_misses(text: str) -> None:
    with pytest.raises(InvalidInputError):
        request_ids.decode(text)
