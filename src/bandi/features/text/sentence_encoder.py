"""Sentence encoders that a user brings: an ONNX model and its tokenizer, read from the disk and never fetched.

The path names a folder with `model.onnx` (or `onnx/model.onnx`) and `tokenizer.json`, or the model's file with the tokenizer
beside it or one folder up: the layout in which sentence encoders are exported. The model takes `input_ids` and
`attention_mask`, and `token_type_ids` if it wants; it gives one vector a text, or one a token, of which the mean over the
text's tokens is taken (Reimers and Gurevych 2019, "Sentence-BERT", section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bandi.features.text.lsa import unit_rows
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

MAX_TOKENS = 256
"""Of one text; what stands behind them is not read."""
_BATCH = 32
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class SentenceEncoder:
    """A brought encoder, ready to use."""

    def __init__(self, path: Path) -> None:
        """Load the model and its tokenizer. Raises InvalidInputError that names what is missing or wrong."""
        ort, tokenizers = _packages()
        model, tokenizer = _files(path)
        try:
            self._session = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own classes differ between versions
            raise InvalidInputError(Problem(str(model), str(error)[:300], "a model in ONNX format")) from None
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer))
        except Exception as error:  # tokenizers raises bare Exception
            raise InvalidInputError(Problem(str(tokenizer), str(error)[:300], "a tokenizer.json")) from None
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding(pad_id=self._padding())
        self._where = str(model)
        self._inputs = [node.name for node in self._session.get_inputs()]
        strange = [name for name in self._inputs if name not in _INPUTS]
        if strange or not {"input_ids", "attention_mask"} <= set(self._inputs):
            expected = "inputs input_ids and attention_mask, and no other but token_type_ids"
            raise InvalidInputError(Problem(self._where, f"inputs {', '.join(self._inputs)}", expected))
        names = [node.name for node in self._session.get_outputs()]
        self._output = "sentence_embedding" if "sentence_embedding" in names else names[0]

    def encode(self, texts: Sequence[str], on_texts: Callable[[int], None] | None = None) -> Array:
        """Vectors: float32[texts, d], of length 1; 0 for a text without anything but space.

        Raises InvalidInputError where the model fails, answers in another shape, or with NaN or infinity.
        """
        rows: list[Array] = []
        for at in range(0, len(texts), _BATCH):
            rows.append(self._batch(texts[at : at + _BATCH], at))
            if on_texts is not None:
                on_texts(min(at + _BATCH, len(texts)))
        if not rows:
            return np.zeros((0, 0), np.float32)
        return np.concatenate(rows)

    def _batch(self, texts: Sequence[str], at: int) -> Array:
        read = self._tokenizer.encode_batch(list(texts))
        ids = np.array([text.ids for text in read], np.int64).reshape(len(texts), -1)
        mask = np.array([text.attention_mask for text in read], np.int64).reshape(len(texts), -1)
        if not ids.shape[1]:  # nothing but spaces in all of them, and a tokenizer without marks for a text's ends
            ids, mask = np.full((len(texts), 1), self._padding(), np.int64), np.zeros((len(texts), 1), np.int64)
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        try:
            answer = self._session.run([self._output], {name: given[name] for name in self._inputs})[0]
        except Exception as error:  # onnxruntime's own classes differ between versions
            raise InvalidInputError(Problem(self._where, str(error)[:300], "a model that runs on text")) from None
        vectors = self._pooled(np.asarray(answer), mask)
        vectors[[not text.strip() for text in texts]] = 0.0
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(bad):
            raise InvalidInputError(Problem(f"{self._where}, text {at + bad[0]}", "NaN or infinity", "finite numbers"))
        return unit_rows(vectors)

    def _pooled(self, answer: Array, mask: Array) -> Array:
        texts, length = mask.shape
        if answer.ndim == 2 and len(answer) == texts:
            return answer.astype(np.float32)
        if answer.ndim == 3 and answer.shape[:2] == (texts, length):
            seen = mask[:, :, None].astype(bool)
            sums = np.where(seen, answer, 0.0).sum(axis=1, dtype=np.float64)
            means: Array = sums / np.maximum(mask.sum(axis=1, keepdims=True), 1)
            return means.astype(np.float32)
        expected = f"[{texts}, dimensions] or [{texts}, {length}, dimensions]"
        raise InvalidInputError(Problem(self._where, f"output `{self._output}` of shape {answer.shape}", expected))

    def _padding(self) -> int:
        found = (self._tokenizer.token_to_id(name) for name in ("[PAD]", "<pad>"))
        return next((number for number in found if number is not None), 0)


def _files(path: Path) -> tuple[Path, Path]:
    choices = [path / "model.onnx", path / "onnx" / "model.onnx"] if path.is_dir() else [path]
    model = next((choice for choice in choices if choice.is_file()), None)
    if model is None:
        expected = "a folder with model.onnx and tokenizer.json, or a model's file"
        raise InvalidInputError(Problem(str(path), "no model.onnx" if path.is_dir() else "no such file", expected))
    beside = [folder / "tokenizer.json" for folder in (model.parent, model.parent.parent)]
    tokenizer = next((choice for choice in beside if choice.is_file()), None)
    if tokenizer is None:
        raise InvalidInputError(Problem(str(beside[0]), "no such file", "the model's tokenizer.json"))
    return model, tokenizer


def _packages() -> tuple[Any, Any]:
    try:
        import onnxruntime  # noqa: PLC0415  an extra
        import tokenizers  # noqa: PLC0415  an extra
    except ImportError as error:
        problem = Problem(error.name or "onnxruntime", "not installed", "the extra `onnx`", "pip install 'bandi[onnx]'")
        raise InvalidInputError(problem) from None
    return onnxruntime, tokenizers
