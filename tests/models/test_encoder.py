"""The default encoder with the real model: unit length, exact repetition, any text, and a cache that can do no harm."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.errors import ModelError
from index.models import graph_cache, onnx_runtime
from index.models.encoder import load_encoder
from index.models.graph_cache import GraphCopy
from index.models.model_files import DEFAULT_ENCODER, find_builtin
from index.models.onnx_runtime import OnnxSession, load_word_pieces, run_each
from index.types import Encoder
from tests.helpers.commands import run_python

TEXTS = [
    "The dam in Kars was finished in 1987 and holds 9 million cubic metres.",
    "Bananas are harvested green.",
    "",
    "Reservoirs are filled in spring, when the snow melts in the mountains above the town. " * 20,
]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    """The default encoder, loaded once."""
    return load_encoder()


def test_rows_are_unit_vectors_in_order(encoder: Encoder) -> None:
    """The rows are float32 of unit length, in the order of the texts."""
    vectors = encoder.encode_passages(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_array_equal(encoder.encode_passages([text])[0], vector)


def test_same_bits_whatever_the_batch_and_the_threads(encoder: Encoder) -> None:
    """No neighbour and no thread changes a bit of a vector, so an index built in pieces equals one built at once."""
    alone = np.concatenate([load_encoder(threads=1).encode_passages([text]) for text in TEXTS])
    np.testing.assert_array_equal(encoder.encode_passages(TEXTS[::-1] * 2)[: len(TEXTS)][::-1], alone)


def test_question_finds_its_passage(encoder: Encoder) -> None:
    """A question is nearest to the passage that answers it."""
    scores = encoder.encode_passages(TEXTS) @ encoder.encode_questions(["When was the dam completed?"])[0]
    assert int(scores.argmax()) == 0


def test_questions_carry_the_prefix(encoder: Encoder) -> None:
    """A question and a passage with the same words have different vectors."""
    assert not np.array_equal(encoder.encode_questions(["dam"]), encoder.encode_passages(["dam"]))


def test_no_texts(encoder: Encoder) -> None:
    """No texts give no rows."""
    assert encoder.encode_passages([]).shape == (0, encoder.dimension)


def test_long_text_is_cut_at_the_models_end(encoder: Encoder) -> None:
    """Text beyond the model's tokens changes nothing, and a megabyte takes no longer than a page."""
    start = "word " * encoder.max_tokens
    np.testing.assert_array_equal(
        encoder.encode_passages([start + "tail " * 200_000]), encoder.encode_passages([start])
    )


@settings(max_examples=20, deadline=None)
@given(text=st.text(alphabet=st.characters(), max_size=60))
def test_any_text_is_encoded(encoder: Encoder, text: str) -> None:
    """Any Unicode, even a lone surrogate, becomes a finite unit vector and a number of tokens."""
    vector = encoder.encode_passages([text])[0]
    assert np.isfinite(vector).all()
    assert abs(float(np.linalg.norm(vector)) - 1) < 1e-5
    assert encoder.count_tokens([text])[0] >= 0


def test_special_tokens_in_a_text_are_letters(encoder: Encoder) -> None:
    """A text cannot forge the token that ends a segment."""
    assert encoder.count_tokens(["[SEP]"]) == [3]


def test_tokens_of_a_long_text_are_all_counted(encoder: Encoder) -> None:
    """Counting in pieces gives the same number."""
    assert encoder.count_tokens(["harbour " * 30_000]) == [30_000]


def test_tokens_are_those_of_the_models_own_tokenizer() -> None:
    """The tokenizer made from the vocabulary gives the tokens and offsets of the published one."""
    from tokenizers import Tokenizer

    vocabulary = find_builtin(DEFAULT_ENCODER).vocabulary.path
    published = Tokenizer.from_file(str(vocabulary.parent / "tokenizer.json"))
    ours = load_word_pieces(vocabulary)
    for text in ["Naïve café: 日本, 😀 $146.9 billion!", "don't\r\nre-open\tthe İstanbul office", "a" * 150]:
        expected = published.encode(text, add_special_tokens=False)
        tokens = ours.encode_with_offsets(text)
        assert (tokens.ids, tokens.offsets) == (expected.ids, expected.offsets)


def test_fingerprint_is_stable_and_names_the_space(encoder: Encoder) -> None:
    """The same model has the same fingerprint in every process."""
    code = "from index.models.encoder import load_encoder; print(load_encoder().fingerprint)"
    assert run_python(code) == encoder.fingerprint


def test_default_model_imports_no_torch() -> None:
    """Encoding with the default model imports neither torch nor Sentence Transformers."""
    code = (
        "import sys; from index.models.encoder import load_encoder; load_encoder().encode_questions(['who?']);"
        "print([name for name in ('torch', 'transformers', 'sentence_transformers') if name in sys.modules])"
    )
    assert run_python(code) == "[]"


def test_run_each_stops_at_the_first_error() -> None:
    """An error reaches the caller, and no further work begins."""
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        if number == 0:
            raise ValueError("first")
        while len(begun) < 2:
            pass

    with pytest.raises(ValueError, match="first"):
        run_each(work, range(100_000), threads=2)
    assert len(begun) < 100_000


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own."""
    monkeypatch.setenv("QA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _encode_afresh() -> np.ndarray:
    return load_encoder(threads=1).encode_passages(TEXTS[:1])


def _files_of(cache: Path) -> list[Path]:
    return sorted(path for path in (cache / "graphs").glob("*/*") if path.is_file())


def test_optimised_copy_computes_the_same_bits(cache: Path) -> None:
    """The first load leaves a copy, later loads use it, and all give the same answers."""
    first = _encode_afresh()
    files = _files_of(cache)
    assert [path.name for path in files] == ["model.onnx", "sums.json", "weights.bin"]
    made = [path.stat().st_mtime_ns for path in files]
    np.testing.assert_array_equal(_encode_afresh(), first)
    assert [path.stat().st_mtime_ns for path in _files_of(cache)] == made


@pytest.mark.parametrize("name", ["model.onnx", "sums.json", "weights.bin"])
@pytest.mark.parametrize("how", ["flipped", "cut", "removed"])
def test_damaged_copy_neither_breaks_nor_alters_answers(cache: Path, name: str, how: str) -> None:
    """A copy that changed since it was made is replaced and never used."""
    first = _encode_afresh()
    path = next(path for path in _files_of(cache) if path.name == name)
    content = bytearray(path.read_bytes())
    if how == "flipped":
        content[len(content) // 2] ^= 0x40
        path.write_bytes(content)
    elif how == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.unlink()
    np.testing.assert_array_equal(_encode_afresh(), first)
    assert GraphCopy(*_copy_key(cache)).find() is not None


def _copy_key(cache: Path) -> tuple[str, str]:
    folder = next((cache / "graphs").iterdir())
    source, _, version = folder.name.partition("-")
    return source, version


def test_copy_that_the_runtime_refuses_is_dropped(cache: Path) -> None:
    """A copy with the right checksums that does not load is not tried twice."""
    first = _encode_afresh()
    graph = next(path for path in _files_of(cache) if path.name == "model.onnx")
    graph.write_bytes(b"not a graph")
    sums = graph.with_name("sums.json")
    sums.write_text(sums.read_text("utf-8").replace(_sum_of(sums), models_sum(graph)), "utf-8")
    np.testing.assert_array_equal(_encode_afresh(), first)
    assert graph.stat().st_size > 1000


def _sum_of(sums: Path) -> str:
    import json

    return str(json.loads(sums.read_text("utf-8"))["model.onnx"])


def models_sum(path: Path) -> str:
    from index.models.model_files import compute_sha256

    return compute_sha256(path)


def test_no_cache_works_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: Encoder) -> None:
    """If the cache cannot be written, the model is loaded as it is."""
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    monkeypatch.setenv("QA_CACHE_DIR", str(blocked / "below"))
    np.testing.assert_array_equal(_encode_afresh(), encoder.encode_passages(TEXTS[:1]))


def test_what_a_killed_process_left_is_removed(cache: Path) -> None:
    """Unfinished copies do not pile up. A young one may belong to another process that is at work."""
    old, young = cache / "graphs" / "unfinished-old", cache / "graphs" / "unfinished-young"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "weights.bin").write_bytes(b"half")
    os.utime(old, (0, 0))
    _encode_afresh()
    assert not old.exists()
    assert young.exists()


def test_copy_that_cannot_be_written_is_not_published(cache: Path) -> None:
    """If the disk is full while the copy is written, there is neither a copy nor an error."""
    copy = GraphCopy("0" * 64, "1")

    def write(target: Path) -> bool:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    assert not copy.make(write)
    assert copy.find() is None
    assert list((cache / "graphs").iterdir()) == []


def test_only_one_of_two_makers_publishes(cache: Path) -> None:
    """Two processes that make the same copy at once leave one whole copy."""
    copy = GraphCopy("0" * 64, "1")

    def write(target: Path) -> bool:
        target.write_bytes(b"graph")
        target.with_name(graph_cache.WEIGHTS_NAME).write_bytes(b"weights")
        return True

    assert copy.make(lambda target: copy.make(write) and write(target)) is False
    assert copy.find() is not None


def test_file_that_is_not_a_graph_gets_a_sentence(tmp_path: Path, cache: Path) -> None:
    """The error is one sentence that names the file."""
    from dataclasses import replace

    model = find_builtin(DEFAULT_ENCODER)
    wrong = tmp_path / "model.onnx"
    wrong.write_bytes(b"no graph")
    with pytest.raises(ModelError, match=r"model\.onnx: onnxruntime .* cannot load the model"):
        OnnxSession(replace(model, graph=replace(model.graph, path=wrong)))


def test_threads_are_those_this_process_may_use() -> None:
    """The number of threads follows the processors that are allowed, not those that exist."""
    assert 1 <= onnx_runtime.count_processors() <= (os.cpu_count() or 1)
