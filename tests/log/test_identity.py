import numpy as np
from xxhash import xxh3_128_intdigest

from bandi.log.identity import hash_ids, random_ids


def test_halves_are_those_of_the_128_bit_hash() -> None:
    texts = ["e1", "", "반디", "x" * 5_000]
    hi, lo = hash_ids(texts, seed=2**64 - 1)
    assert hi.dtype == lo.dtype == np.uint64
    expected = [xxh3_128_intdigest(text.encode(), 2**64 - 1) for text in texts]
    assert [(high << 64) | low for high, low in zip(hi.tolist(), lo.tolist(), strict=True)] == expected


def test_another_seed_gives_other_ids() -> None:
    one, other = (hash_ids([f"e{i}" for i in range(1_000)], seed)[1] for seed in (3, 0x9E3779B97F4A7C15))
    assert not np.intersect1d(one, other).size


def test_no_texts_give_no_ids() -> None:
    assert [len(half) for half in (*hash_ids([], 1), *random_ids(0))] == [0, 0, 0, 0]


def test_random_ids_differ_and_every_bit_is_used() -> None:
    hi, lo = random_ids(10_000)
    assert len({*zip(hi.tolist(), lo.tolist(), strict=True)}) == 10_000
    for half in (hi, lo):
        ones = np.unpackbits(half.view(np.uint8).reshape(-1, 8), axis=1).mean(axis=0)
        assert np.abs(ones - 0.5).max() < 0.03  # 6 standard errors: a false alarm in 10 million runs
