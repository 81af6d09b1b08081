"""Exports a trained answer reader as one int8 ONNX file of fused operators.

The graph is written node by node in the fused operators of onnxruntime (attention, quantised products with their bias),
so that little is left to fuse when the file is opened: 130 nodes instead of the 1,700 of a plain export. Matrices are
int8 with one scale per column. Activations are quantised at run time, with one scale per call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.benchmarks.reader_training.model import EPSILON, HEADS, LAYERS, ReaderModel

FUSED = "com.microsoft"
LEVELS = 63
"""Processors without 8-bit dot products add pairs of products in 16 bits, which 127 can overflow. On 600 questions, 63
gave EM .733 and AUROC .834, and 127 gave .710 and .835, so the difference is smaller than the noise."""


@dataclass(slots=True)
class Graph:
    """Collects nodes and constants, and gives each a name of its own."""

    state: dict[str, np.ndarray]
    levels: int
    """The largest absolute value of an int8 weight."""
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def add(self, operator: str, inputs: list[str], outputs: list[str], domain: str = "", **attributes: object) -> str:
        """Adds a node and returns its first output."""
        name = f"{outputs[0]}_{operator}"
        self.nodes.append(helper.make_node(operator, inputs, outputs, name=name, domain=domain, **attributes))
        return outputs[0]

    def constant(self, name: str, value: np.ndarray) -> str:
        """Adds a constant and returns its name."""
        self.constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def parameter(self, name: str) -> str:
        """A float parameter of the model as it is."""
        return self.constant(name, self.state[name])

    def quantised(self, name: str) -> tuple[str, str, str]:
        """Adds a weight (outputs, inputs) as int8 (inputs, outputs), with its scales (outputs,) and zero points."""
        weight = self.state[name].T
        scale = np.maximum(np.abs(weight).max(0), 1e-8) / self.levels
        rounded = np.clip(np.round(weight / scale), -self.levels, self.levels).astype(np.int8)
        zero = np.zeros(weight.shape[1], np.int8)
        return (
            self.constant(f"{name}_int8", rounded),
            self.constant(f"{name}_scale", scale.astype(np.float32)),
            self.constant(f"{name}_zero", zero),
        )

    def linear(self, values: str, name: str, output: str) -> str:
        """Adds values x weight + bias; the values are quantised first."""
        inputs = [values, *self.quantised(f"{name}.weight"), self.parameter(f"{name}.bias")]
        return self.add("DynamicQuantizeMatMul", inputs, [output], FUSED)


def _add_bytes(graph: Graph, name: str) -> list[str]:
    """Adds a parameter as uint8 with one scale, because the embedding tables came from such bytes.

    :return: the names of (bytes, scale, zero point).
    """
    values = graph.state[name]
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    scale = np.float32((high - low) / 255)
    zero = np.uint8(round(-low / float(scale)))
    rounded = np.clip(np.round(values / scale) + zero, 0, 255).astype(np.uint8)
    return [
        graph.constant(f"{name}_uint8", rounded),
        graph.constant(f"{name}_scale", np.array(scale, np.float32)),
        graph.constant(f"{name}_zero", np.array(zero, np.uint8)),
    ]


def _add_embeddings(graph: Graph) -> None:
    for name in ("input_ids", "token_type_ids", "attention_mask"):
        graph.add("Cast", [name], [f"{name}_32"], to=TensorProto.INT32)
    tables = [_add_bytes(graph, f"{name}.weight") for name in ("words", "positions", "segments")]
    norm = [_add_bytes(graph, f"embedding_norm.{part}") for part in ("weight", "bias")]
    columns = [[table[part] for table in tables] + [row[part] for row in norm] for part in range(3)]
    inputs = ["input_ids_32", "token_type_ids_32", *columns[0], "attention_mask_32", *columns[1], *columns[2]]
    graph.add("QEmbedLayerNormalization", inputs, ["hidden_0", "lengths"], FUSED, epsilon=EPSILON)


def _add_norm(graph: Graph, values: str, skipped: str, name: str, output: str) -> str:
    """Adds the layer norm of values + skipped, as two nodes: onnxruntime's one fused node took 60 against 50 ms for 300
    tokens on one core."""
    total = graph.add("Add", [values, skipped], [f"{output}_sum"])
    inputs = [total, graph.parameter(f"{name}.weight"), graph.parameter(f"{name}.bias")]
    return graph.add("LayerNormalization", inputs, [output], epsilon=EPSILON)


def _add_attention(graph: Graph, values: str, prefix: str) -> str:
    quantised = [f"{prefix}_q", f"{prefix}_q_scale", f"{prefix}_q_zero"]
    graph.add("DynamicQuantizeLinear", [values], quantised)
    weight, scale, zero = graph.quantised(f"{prefix}.projection.weight")
    bias = graph.parameter(f"{prefix}.projection.bias")
    inputs = [quantised[0], weight, bias, quantised[1], scale, "attention_mask_32", quantised[2], zero]
    return graph.add("QAttention", inputs, [f"{prefix}_attended"], FUSED, num_heads=HEADS)


def _add_block(graph: Graph, number: int) -> None:
    prefix, values = f"blocks.{number}", f"hidden_{number}"
    attended = _add_attention(graph, values, prefix)
    mixed = graph.linear(attended, f"{prefix}.mixed", f"{prefix}_mixed")
    middle = _add_norm(graph, mixed, values, f"{prefix}.mixed_norm", f"{prefix}_middle")
    inner = graph.linear(middle, f"{prefix}.inner", f"{prefix}_inner")
    active = graph.add("Gelu", [inner], [f"{prefix}_gelu"], FUSED)
    outer = graph.linear(active, f"{prefix}.outer", f"{prefix}_outer")
    _add_norm(graph, outer, middle, f"{prefix}.outer_norm", f"hidden_{number + 1}")


def _add_head(graph: Graph, first: str, pooler: str, classifier: str, output: str) -> None:
    # The heads see one row per pair and decide everything, so float32 costs nothing here.
    inputs = [
        first,
        graph.constant(f"{pooler}_w", graph.state[f"{pooler}.weight"].T),
        graph.parameter(f"{pooler}.bias"),
    ]
    pooled = graph.add("Gemm", inputs, [f"{output}_pooled"])
    active = graph.add("Tanh", [pooled], [f"{output}_active"])
    weight = graph.constant(f"{classifier}_w", graph.state[f"{classifier}.weight"].T)
    logit = graph.add("Gemm", [active, weight, graph.parameter(f"{classifier}.bias")], [f"{output}_column"])
    graph.add("Squeeze", [logit, graph.constant(f"{output}_axis", np.array([1], np.int64))], [output])


def _add_spans(graph: Graph, values: str) -> None:
    weight = graph.constant("span_w", graph.state["span.weight"].T)
    product = graph.add("MatMul", [values, weight], ["span_product"])
    both = graph.add("Add", [product, graph.parameter("span.bias")], ["span_both"])
    graph.add("Split", [both], ["start_column", "end_column"], axis=2)
    axis = graph.constant("last_axis", np.array([2], np.int64))
    for side in ("start", "end"):
        graph.add("Squeeze", [f"{side}_column", axis], [f"{side}_logits"])


def _add_no_answer(graph: Graph, refusal_weight: float) -> None:
    """no_answer = start[0] + end[0] + refusal_weight x the refusal head's logit."""
    zero = graph.constant("zero", np.array(0, np.int64))
    for side in ("start", "end"):
        graph.add("Gather", [f"{side}_logits", zero], [f"{side}_none"], axis=1)
    null = graph.add("Add", ["start_none", "end_none"], ["null_span"])
    weight = graph.constant("refusal_weight", np.array(refusal_weight, np.float32))
    share = graph.add("Mul", ["refusal", weight], ["refusal_share"])
    graph.add("Add", [null, share], ["no_answer"])


def build_onnx(model: ReaderModel, refusal_weight: float = 0.0, levels: int = LEVELS) -> onnx.ModelProto:
    """The model. Its inputs are `input_ids`, `attention_mask`, `token_type_ids` (n, L) int64; its outputs are
    `relevance` (n,), `start_logits` and `end_logits` (n, L), `no_answer` (n,), float32. `no_answer` is on the scale of
    start + end of a span."""
    state = {name: tensor.detach().float().numpy() for name, tensor in model.state_dict().items()}
    graph = Graph(state, levels)
    _add_embeddings(graph)
    for number in range(LAYERS):
        _add_block(graph, number)
    values = f"hidden_{LAYERS}"
    zero = graph.constant("first_place", np.array(0, np.int64))
    first = graph.add("Gather", [values, zero], ["first"], axis=1)
    _add_head(graph, first, "pooler", "classifier", "relevance")
    _add_head(graph, first, "refusal_pooler", "refusal", "refusal")
    _add_spans(graph, values)
    _add_no_answer(graph, refusal_weight)
    return _finished(graph)


def _finished(graph: Graph) -> onnx.ModelProto:
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "length"]) for name in names]
    shapes = {"relevance": ["n"], "start_logits": ["n", "length"], "end_logits": ["n", "length"], "no_answer": ["n"]}
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    body = helper.make_graph(graph.nodes, "reader", inputs, outputs, list(graph.constants.values()))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)]
    return helper.make_model(body, opset_imports=opsets, ir_version=8, producer_name="qa train_reader")


def save_onnx(model: ReaderModel, path: Path, refusal_weight: float = 0.0, levels: int = LEVELS) -> int:
    """Writes the file and returns its size in bytes."""
    data = build_onnx(model, refusal_weight, levels).SerializeToString()
    partial = path.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(path)
    return len(data)
