"""Whom experiments take as they stand in bandi.toml, whatever they are called."""

import pytest

from bandi.engine.variants import split_of
from bandi.experiments.assignment import OUTSIDE, bucket, buckets, variant, variants
from bandi.model.config_text import parse_config

FILE = """
[placements.home]
[placements.side]
[layers.home]
[layers.viewer]
[experiments.{name}]
placement = "home"
layer = "{layer}"
owner = "kim"
share = 0.4
variants = {{ a = {{ weight = 0.5 }}, b = {{ weight = 0.5 }} }}
"""
PROBE = """
[experiments.probe]
placement = "side"
layer = "viewer"
owner = "lee"
variants = { a = { weight = 0.5 }, b = { weight = 0.5 } }
"""
READERS = [f"reader-{i}" for i in range(20_000)]


@pytest.mark.parametrize(("name", "layer"), [("home", "home"), ("viewer", "home"), ("bold", "home")])
def test_variants_hang_on_no_layer_whatever_the_experiment_is_called(name: str, layer: str) -> None:
    """Variant against membership of each layer: |z| < 4.42, false alarms 1 in 100,000 for each comparison."""
    config = parse_config(FILE.format(name=name, layer=layer) + PROBE)
    parts = split_of(config, name)
    everybody = variants(parts, 1.0, READERS) == 1
    for salt in (parts.layer_salt, split_of(config, "probe").layer_salt):
        low = buckets(salt, READERS) < 0.4
        n = int(low.sum())
        z = (everybody[low].mean() - everybody[~low].mean()) / (0.25 / n + 0.25 / (len(READERS) - n)) ** 0.5
        assert abs(z) < 4.42
    taken = variants(parts, 0.4, READERS)
    ones, n = int((taken == 1).sum()), int((taken != OUTSIDE).sum())
    assert abs(n - 8_000) < 4.42 * (20_000 * 0.24) ** 0.5
    assert abs(ones - n / 2) < 4.42 * (n / 4) ** 0.5


@pytest.mark.parametrize(
    ("name", "more", "reader", "taking_part", "dealt"),
    [
        ("home", "", "u42", 0.7159000150863447, 0.9768729398857787),
        ("home", "", "독자", 0.7772774736197732, 0.5906939036312399),
        ("bold", "", "u42", 0.7159000150863447, 0.4535017583425206),
        ("bold", "", "독자", 0.7772774736197732, 0.016074227777185146),
        ("bold", 'salt = "spring"\n', "u42", 0.7159000150863447, 0.5159912929294039),
        ("bold", 'salt = "spring"\n', "독자", 0.7772774736197732, 0.492184627881768),
    ],
)
def test_documented_vectors(name: str, more: str, reader: str, taking_part: float, dealt: float) -> None:
    """Default salts are `layer:NAME` and `experiment:NAME`."""
    config = parse_config(FILE.format(name=name, layer="home").replace("share", more + "share"))
    parts = split_of(config, name)
    assert (bucket(parts.layer_salt, reader), bucket(parts.salt, reader)) == (taking_part, dealt)
    assert variant(parts, 1.0, reader) == int(dealt >= 0.5)
