"""Brought encoders: tiny models that these tests make, whole and broken."""

import sys
from pathlib import Path

import numpy as np
import pytest

from bandi.features.text.sentence_encoder import MAX_TOKENS, SentenceEncoder
from bandi.model.errors import InvalidInputError
from bandi.model.records import Array

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
tokenizers = pytest.importorskip("tokenizers")
WORDS = {"[PAD]": 0, "[UNK]": 1, "good": 2, "bad": 3, "film": 4, "nan": 5}
TABLE = np.array([[9, 9, 9], [0, 0, 1], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [np.nan, 0, 0]], np.float32)


def write_tokenizer(folder: Path) -> None:
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(WORDS, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(folder / "tokenizer.json"))


def write_model(
    folder: Path, inputs: tuple[str, ...] = ("input_ids", "attention_mask"), rank: int = 3, table: Array = TABLE
) -> None:
    """One vector a token, looked up in a table; of rank 2: their plain sum; of rank 1: summed once more."""
    helper, kind = onnx.helper, onnx.TensorProto
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["tokens"])]
    for axis in range(3 - rank):
        nodes.append(
            helper.make_node("ReduceSum", ["tokens" if not axis else "sum0", "axis"], [f"sum{axis}"], keepdims=0)
        )
    output = "tokens" if rank == 3 else f"sum{2 - rank}"
    graph = helper.make_graph(
        nodes, "tiny", [helper.make_tensor_value_info(name, kind.INT64, ["n", "t"]) for name in inputs],
        [helper.make_tensor_value_info(output, kind.FLOAT, None)],
        [onnx.numpy_helper.from_array(table, "table"), onnx.numpy_helper.from_array(np.array([1], np.int64), "axis")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(folder / "model.onnx"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tokenizer(tmp_path)
    write_model(tmp_path)
    return tmp_path


def test_the_mean_over_a_texts_own_tokens(folder: Path) -> None:
    vectors = SentenceEncoder(folder).encode(["good film", "bad", "", "film film good unknown words here"])
    assert vectors.dtype == np.float32
    assert vectors[0] == pytest.approx([2**-0.5, 2**-0.5, 0])  # padding, a vector of nines, has no part
    assert vectors[1] == pytest.approx([-1, 0, 0])
    assert not vectors[2].any()
    assert vectors[3] == pytest.approx(np.array([1, 2, 3]) / np.sqrt(14), abs=1e-6)


def test_batches_of_any_size_agree(folder: Path) -> None:
    encoder = SentenceEncoder(folder / "model.onnx")
    texts = ["good " * (number % 7 + 1) + "film" for number in range(70)]
    told: list[int] = []
    together = encoder.encode(texts, told.append)
    assert together == pytest.approx(np.concatenate([encoder.encode([text]) for text in texts]), abs=1e-6)
    assert told == [32, 64, 70]
    assert encoder.encode([]).shape == (0, 0)
    assert not encoder.encode(["", " "]).any()


def test_long_texts_are_cut(folder: Path) -> None:
    vector = SentenceEncoder(folder).encode(["good " * MAX_TOKENS + "bad " * 1_000_000])
    assert vector[0] == pytest.approx([1, 0, 0])


def test_models_that_pool_by_themselves_or_want_token_types(folder: Path) -> None:
    write_model(folder, ("input_ids", "attention_mask", "token_type_ids"), rank=2)
    assert SentenceEncoder(folder).encode(["good film film"])[0] == pytest.approx(np.array([1, 2, 0]) / 5**0.5)


def test_a_folder_with_the_model_one_level_down(folder: Path) -> None:
    (folder / "onnx").mkdir()
    (folder / "model.onnx").rename(folder / "onnx" / "model.onnx")
    assert SentenceEncoder(folder).encode(["bad"])[0] == pytest.approx([-1, 0, 0])


def test_numbers_that_are_none_are_named_by_text(folder: Path) -> None:
    with pytest.raises(InvalidInputError, match="text 33: expected finite numbers, found NaN"):
        SentenceEncoder(folder).encode(["good"] * 33 + ["nan film"])


def test_what_is_missing_or_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"no such file"):
        SentenceEncoder(tmp_path / "nowhere")
    with pytest.raises(InvalidInputError, match=r"no model\.onnx"):
        SentenceEncoder(tmp_path)
    write_model(tmp_path)
    with pytest.raises(InvalidInputError, match=r"tokenizer\.json"):
        SentenceEncoder(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InvalidInputError, match=r"tokenizer\.json"):
        SentenceEncoder(tmp_path)
    write_tokenizer(tmp_path)
    write_model(tmp_path, ("input_ids",))
    with pytest.raises(InvalidInputError, match="attention_mask"):
        SentenceEncoder(tmp_path)
    write_model(tmp_path, ("input_ids", "attention_mask", "pixel_values"))
    with pytest.raises(InvalidInputError, match="pixel_values"):
        SentenceEncoder(tmp_path)
    write_model(tmp_path, rank=1)
    with pytest.raises(InvalidInputError, match="shape"):
        SentenceEncoder(tmp_path).encode(["good"])
    write_model(tmp_path, table=TABLE[:2])
    with pytest.raises(InvalidInputError, match="runs on text"):
        SentenceEncoder(tmp_path).encode(["good"])
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(InvalidInputError, match="ONNX format"):
        SentenceEncoder(tmp_path)


@pytest.mark.parametrize("name", ["onnxruntime", "tokenizers"])
def test_without_the_extra_it_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InvalidInputError, match=r"the extra `onnx`"):
        SentenceEncoder(folder)
