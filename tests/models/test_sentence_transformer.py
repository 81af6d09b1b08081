"""Models by name or folder, with the real all-MiniLM-L6-v2 and a small cross-encoder: offline, in one vector space."""

import json
import os
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

from index.errors import ModelError, NotWantedError
from index.models.cross_encoder import load_cross_encoder
from index.models.encoder import load_encoder
from index.models.model_files import DEFAULT_ENCODER, find_builtin
from index.types import Encoder
from tests.helpers.commands import run_python
from tests.helpers.minilm import find_minilm

TEXTS = ["The dam was finished in 1987.", "Bananas are harvested green.", "", "lone \ud800 surrogate"]


@pytest.fixture(scope="module")
def library() -> None:
    """Imports the libraries once. What they warn of during their import is not ours to repair."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sentence_transformers  # noqa: F401


@pytest.fixture(scope="module")
def encoder(library: None) -> Encoder:
    """all-MiniLM-L6-v2 by its folder."""
    return load_encoder(str(find_minilm()), threads=2)


def test_vectors_are_those_of_the_library(encoder: Encoder) -> None:
    """The vectors are those of Sentence Transformers itself, as unit rows in order."""
    from sentence_transformers import SentenceTransformer

    vectors = encoder.encode_passages(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dimension) == (4, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    expected = SentenceTransformer(str(find_minilm())).encode(TEXTS[:3], normalize_embeddings=True)
    np.testing.assert_allclose(vectors[:3], expected, atol=1e-5)


def test_question_finds_its_passage(encoder: Encoder) -> None:
    """A question is nearest to the passage that answers it."""
    scores = encoder.encode_passages(TEXTS) @ encoder.encode_questions(["When was the dam completed?"])[0]
    assert int(scores.argmax()) == 0


def test_tokens_are_counted(encoder: Encoder) -> None:
    """The tokens of the whole text count, without special ones, and a long text causes no warning."""
    assert encoder.count_tokens(["hello there", "", "word " * 3000]) == [2, 0, 3000]
    assert encoder.max_tokens == 254


def test_the_device_is_the_one_that_the_library_chooses(encoder: Encoder) -> None:
    """The model runs on a GPU if the library sees one, and on the processor otherwise."""
    from sentence_transformers.util import get_device_name

    assert encoder._model.device.type == get_device_name().partition(":")[0]


def test_a_device_that_fails_gets_smaller_batches_and_then_one_sentence(library: None) -> None:
    """PyTorch's device without any memory stands for a GPU whose memory is used up."""
    failing = load_encoder(str(find_minilm()), threads=2)
    failing._model.to("meta")
    failing._batch = 4
    with pytest.raises(ModelError, match=r"failed on the META \(.*\); name a smaller model with --model\.$"):
        failing.encode_passages(TEXTS)
    assert failing._batch == 1


def test_no_texts(encoder: Encoder) -> None:
    """No texts give no rows."""
    assert encoder.encode_passages([]).shape == (0, 384)


def test_fingerprint_follows_weights_and_configuration(encoder: Encoder, tmp_path: Path) -> None:
    """The same files in another folder are the same vector space. Another pooling is another one."""
    copy = tmp_path / "copy"
    shutil.copytree(find_minilm(), copy)
    assert load_encoder(str(copy)).fingerprint == encoder.fingerprint
    pooling = copy / "1_Pooling" / "config.json"
    stated = json.loads(pooling.read_text("utf-8"))
    stated.update(pooling_mode_cls_token=True, pooling_mode_mean_tokens=False)
    pooling.write_text(json.dumps(stated), "utf-8")
    assert load_encoder(str(copy)).fingerprint != encoder.fingerprint


@pytest.mark.parametrize("load", [load_encoder, load_cross_encoder])
@pytest.mark.parametrize("name", ["no-such-model", "nobody/no-such-model", "not a name", "../elsewhere"])
def test_unknown_name_gets_a_sentence(load: object, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is neither a folder nor a cached model is refused with the next step."""
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path))
    with pytest.raises(ModelError, match=r"is neither a folder nor in the local cache of models: fetch it once"):
        load(name)  # type: ignore[operator]


def test_unknown_name_is_refused_before_torch_is_imported(tmp_path: Path) -> None:
    """The commonest mistake is reported at once, not after ten seconds of imports."""
    code = (
        "import sys\nfrom index.models.encoder import load_encoder\nfrom index.errors import ModelError\n"
        "try:\n    load_encoder('no-such-model')\nexcept ModelError:\n    print('torch' in sys.modules)"
    )
    assert run_python(code, SENTENCE_TRANSFORMERS_HOME=str(tmp_path)) == "False"


def test_folder_without_a_model_gets_a_sentence(tmp_path: Path) -> None:
    """The error names a folder that holds something else."""
    with pytest.raises(ModelError, match="not a model's folder"):
        load_encoder(str(tmp_path))


@pytest.mark.parametrize("damage", ["cut", "removed", "config"])
def test_damaged_model_gets_a_sentence(library: None, tmp_path: Path, damage: str) -> None:
    """Weights that are missing or cut short, and a broken configuration, give one sentence with the folder."""
    folder = tmp_path / "model"
    shutil.copytree(find_minilm(), folder)
    weights = folder / "model.safetensors"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "removed":
        weights.unlink()
    else:
        (folder / "config.json").write_text("{", "utf-8")
    with pytest.raises(ModelError, match=r"model: Sentence Transformers cannot load this model \(.+\); fetch it again"):
        load_encoder(str(folder))


def test_pickled_weights_are_not_read(library: None, tmp_path: Path) -> None:
    """Weights come from safetensors only, so a model in a folder cannot run code."""
    folder = tmp_path / "model"
    shutil.copytree(find_minilm(), folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot load this model"):
        load_encoder(str(folder))


@pytest.fixture(scope="module")
def cross_encoder(library: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder of two thin layers with weights from a seed, saved as such models are."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    folder = tmp_path_factory.mktemp("cross-encoder")
    torch.manual_seed(7)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertForSequenceClassification(BertConfig(num_labels=1, **sizes)).save_pretrained(folder)
    vocabulary = find_builtin(DEFAULT_ENCODER).vocabulary.path
    BertTokenizer(str(vocabulary), model_max_length=512).save_pretrained(folder)
    return folder


def test_cross_encoder_scores_as_the_library(cross_encoder: Path) -> None:
    """A pair gets one raw logit, in order, with the context in front of the text."""
    import torch
    from sentence_transformers import CrossEncoder

    reader = load_cross_encoder(str(cross_encoder))
    readings = reader.read("when?", TEXTS, ["Dams", "", "", ""])
    pairs = [("when?", f"Dams\n{TEXTS[0]}"), ("when?", TEXTS[1])]
    expected = CrossEncoder(str(cross_encoder)).predict(pairs, activation_fn=torch.nn.Identity())
    np.testing.assert_allclose([reading.relevance for reading in readings[:2]], expected, atol=1e-5)
    assert not reader.finds_spans
    assert all(reading.spans == () and reading.no_answer is None for reading in readings)
    assert reader.read("when?", []) == []
    with pytest.raises(NotWantedError):
        reader.read("when?", TEXTS, wanted=lambda: False)


def test_encoder_is_refused_as_reranker() -> None:
    """A model without a ranking head would rank by random weights."""
    with pytest.raises(ModelError, match="this is an encoder, not a cross-encoder"):
        load_cross_encoder(str(find_minilm()))
