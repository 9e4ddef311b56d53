# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The contribution of each input of an utterance to the log-odds of two emotions: integrated gradients, LIME, and occluded
regions, computed with captum.
"""

import importlib
from dataclasses import dataclass
from itertools import combinations
from math import factorial

import torch
from torch import nn
from torch.nn.functional import one_hot

from .encoders import encode_frames, encode_text, texts_at_once
from .read_conversation import ReadConversation
from .text_in_conversation import SEQUENCES_AT_ONCE  # noqa: F401, the module implements the entries of TEXT_SCOPES
from .tokens import Tokens, left_align
from .variants import TEXT_SCOPES

TOKENS_AT_ONCE = 16_384
"""Tokens of all steps of integrated gradients that are computed at once."""
SHARED_STEPS = 8
"""Steps of integrated gradients where an encoder reads whole conversations; a power of 2."""
_FIRST_PLACE = 1_000_000  # above the token ids of any vocabulary


def captum_attr():
    """
    captum's methods.

    Raises:
        ImportError: when captum is not installed.
    """
    try:
        return importlib.import_module("captum.attr")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "captum":
            raise
        raise ImportError("Explanations need captum, which is not installed: pip install captum") from error


@dataclass
class Question:
    """
    What is explained: for each utterance of a conversation, why `target`, and why not `against`.

    Attributes:
        conversation: what the model read.
        target: `(T,)`, numbers of emotions.
        against: `(T,)`, numbers of emotions; None for all emotions other than the target together.
    """

    conversation: ReadConversation
    target: torch.LongTensor
    against: torch.LongTensor | None

    def log_odds(self, logits: torch.Tensor, rows: torch.LongTensor | None = None) -> torch.Tensor:
        """`log(p(target) / p(against))` of utterances `rows` `(number,)`, `(number,)`, from their `logits` `(number, C)`."""
        if self.against is None:
            return self.odds_of_all(logits, rows)
        target = self.target if rows is None else self.target[rows]
        against = self.against if rows is None else self.against[rows]
        chosen = logits.float() / self.conversation.config.temperature
        return (chosen.gather(1, target[:, None]) - chosen.gather(1, against[:, None])).squeeze(1)

    def odds_of_all(self, logits: torch.Tensor, rows: torch.LongTensor | None = None) -> torch.Tensor:
        """`log(p(target) / (1 - p(target)))`, `(number,)`, from their `logits` `(number, C)`."""
        target = (self.target if rows is None else self.target[rows])[:, None]
        logits = logits.float() / self.conversation.config.temperature
        others = logits.scatter(1, target, float("-inf"))
        return logits.gather(1, target).squeeze(1) - others.logsumexp(dim=1)


@dataclass
class WordPieces:
    """
    The word pieces of each utterance that a text encoder reads, followed by padding.

    Attributes:
        input_ids: `(T, S)`.
        mask: `(T, S)`, 1 for tokens.
        word: `(T, S)`, the number of the word that each piece belongs to; -1 for none.
        baseline: the token that stands for an absent word.
    """

    input_ids: torch.LongTensor
    mask: torch.BoolTensor
    word: torch.LongTensor
    baseline: int

    @classmethod
    def of(cls, input_ids: torch.Tensor, mask: torch.Tensor, word: torch.Tensor, baseline: int) -> "WordPieces":
        """Create them from the model's inputs of one conversation, `(T, S)`."""
        stacked = torch.stack([input_ids, word], dim=-1)
        pieces = left_align(stacked, mask)
        return cls(pieces.states[..., 0], pieces.valid, pieces.states[..., 1].masked_fill(~pieces.valid, -1), baseline)

    def baseline_ids(self) -> torch.LongTensor:
        """`(T, S)`: the baseline's token in place of each piece of a word."""
        return torch.where(self.word >= 0, self.baseline, self.input_ids)


def modality_values(question: Question) -> tuple[torch.Tensor, torch.Tensor]:
    """
    The Shapley values of each utterance's modalities: the mean change of the log-odds when a modality is added, over all
    orders in which the utterance's modalities can be added. All other utterances keep their modalities.

    Returns:
        `(T,)`, the log-odds without any modality of the utterance, and `(T, M)`, the values. They sum to the log-odds.
    """
    everything = tuple(range(len(question.conversation.config.modalities)))
    values = {subset: _log_odds_with(question, subset) for subset in _subsets(len(everything))[:-1]}
    values[everything] = question.log_odds(question.conversation.logits)
    return values[()], _shapley(values, len(everything))


def _subsets(number: int) -> list[tuple[int, ...]]:
    """The subsets of 0 to `number - 1`, small ones first."""
    return [subset for size in range(number + 1) for subset in combinations(range(number), size)]


def _shapley(values: dict[tuple[int, ...], torch.Tensor], number: int) -> torch.Tensor:
    """The Shapley values `(T, number)` of a game, from the value `(T,)` of each subset."""
    shapley = torch.zeros(len(values[()]), number, device=values[()].device)
    for subset, value in values.items():
        for m in set(range(number)) - set(subset):
            weight = factorial(len(subset)) * factorial(number - len(subset) - 1) / factorial(number)
            shapley[:, m] += weight * (values[tuple(sorted((*subset, m)))] - value)
    return shapley


@torch.no_grad()
def _log_odds_with(question: Question, subset: tuple[int, ...]) -> torch.Tensor:
    """The log-odds of each utterance with some of its modalities, `(T,)`."""
    read = question.conversation
    kept = torch.zeros_like(read.present)
    kept[:, list(subset)] = read.present[:, list(subset)]
    tokens = {
        modality: [part.without(~kept[:, m]) for part in parts]
        for m, (modality, parts) in enumerate(read.tokens.items())
    }
    everyone = torch.arange(read.number, device=kept.device)
    described = read.describe(tokens, kept, read.evidence)
    return question.log_odds(read.logits_of(everyone, *described, present=kept))


def expert_values(question: Question) -> tuple[torch.Tensor, torch.Tensor]:
    """
    The terms whose sum is the log-odds in a model with experts. The log-odds against all other emotions are no sum of terms of
    the experts: there they are the experts' Shapley values, which cost no pass of the model.

    Returns:
        `(T,)`, the conversation's term, and `(T, M)`, the experts' terms. They sum to the log-odds.
    """
    read = question.conversation
    if question.against is None:
        conversation, number = read.conversation_logits(), read.present.shape[1]
        values = {
            subset: question.log_odds(conversation + read.expert_terms[:, list(subset)].sum(dim=1))
            for subset in _subsets(number)
        }
        return values[()], _shapley(values, number)
    terms = [question.log_odds(read.expert_terms[:, m]) for m in range(read.present.shape[1])]
    return question.log_odds(read.conversation_logits()), torch.stack(terms, dim=1)


def context_values(question: Question, window: int) -> torch.Tensor:
    """
    The decrease of each utterance's log-odds when another utterance is left out of the conversation.

    Returns:
        `(T, 2 * window + 1)`: for the utterances from `window` before to `window` after; 0 for the utterance itself, NaN
        outside the conversation.
    """
    read = question.conversation
    rows = torch.arange(read.number, device=read.fused.device)
    values = torch.full((read.number, 2 * window + 1), float("nan"), device=rows.device)
    for offset in range(-window, window + 1):
        other = rows + offset
        inside = (other >= 0) & (other < read.number)
        if offset == 0:
            values[:, window] = 0
        elif inside.any():
            kept = rows[inside]
            with torch.no_grad():
                logits = read.logits_without(kept, other[inside], abs(offset))
                values[inside, offset + window] = question.odds_of_all(read.logits[kept], kept) - question.odds_of_all(
                    logits, kept
                )
    return values


@torch.no_grad()
def context_values_by_encoding(question: Question, pieces: WordPieces, window: int) -> torch.Tensor:
    """
    Like `context_values`, for a text encoder that reads several utterances at once. Each of `2 * window + 1` passes encodes
    the conversation without the words of every `2 * window + 1`-th utterance, so that each utterance lacks one neighbour in
    its window. In the contexts, utterances are left out as in `logits_without`.
    """
    read = question.conversation
    rows = torch.arange(read.number, device=read.fused.device)
    width = 2 * window + 1
    values = torch.full((read.number, width), float("nan"), device=rows.device)
    full = question.odds_of_all(question.conversation.logits)
    for remainder in range(min(width, read.number)):
        left_out = rows % width == remainder
        states = _encoded(read, pieces.input_ids, pieces.mask & ~left_out[:, None])
        tokens = {**read.tokens, "text": [Tokens(states.states, states.lengths)]}
        described = read.describe(tokens, read.present, read.evidence)
        # for each utterance, the left-out utterance in its window
        other = rows + (remainder - rows + window) % width - window
        kept = (other >= 0) & (other < read.number) & ~left_out
        if not kept.any():
            continue
        who = rows[kept]
        contexts = [
            [read._state_without(direction, who, other[kept], window) for direction in directions]
            for directions in read.contexts
        ]
        terms = None if described[1] is None else described[1][kept]
        logits = read.logits_of(who, described[0][kept], terms, contexts, left_out=other[kept])
        values[who, other[kept] - who + window] = full[kept] - question.odds_of_all(logits, who)
    values[:, window] = 0
    return values


def _encoded(read: ReadConversation, input_ids: torch.Tensor, mask: torch.BoolTensor) -> Tokens:
    """The token states of the conversation's text."""
    encode = TEXT_SCOPES.implementation(read.config.text_scope)
    states, mask = encode(read.amuse.encoder("text"), input_ids, mask, read.layout.conversations, read.config)
    return left_align(states.to(read.fused.dtype), mask)


def reads_alone(read: ReadConversation) -> bool:
    """Whether the text encoder reads each utterance by itself."""
    return TEXT_SCOPES[read.config.text_scope].is_utterance


@dataclass
class InputValues:
    """
    The attribution of each input of the utterances of a conversation, in log-odds of the target against all other emotions.

    Attributes:
        pieces: `(T, S)`, those of the word pieces, or None.
        streams: for each stream other than text `(T, tokens, D)`.
        deltas: `(T,)`, the difference between the sum of an utterance's attributions and the change of its log-odds; None
            where it is unknown.
    """

    pieces: torch.Tensor | None
    streams: dict[str, torch.Tensor]
    deltas: torch.Tensor | None = None


def input_values(question: Question, pieces: WordPieces | None, baselines: dict, steps: int) -> InputValues:
    """
    Integrated gradients of words, sound and pictures together, along the straight line from their baselines.

    Args:
        pieces: the word pieces. None: text gets no attributions and does not change.
        baselines: for each stream other than text `(T, D)`, the baseline of each utterance's tokens.
        steps: number of gradients for each utterance; in shared passes it is `SHARED_STEPS`.
    """
    if pieces is None or reads_alone(question.conversation):
        return _utterances_by_captum(question, pieces, baselines, steps)
    return _shared_values(question, pieces, baselines)


def _streams(read: ReadConversation) -> tuple[list[str], dict[str, Tokens]]:
    """The names of the streams other than text that any utterance has, and the tokens of all streams by name."""
    parts = {
        name: part
        for modality, own in read.tokens.items()
        for name, part in zip(read.config.streams(modality), own, strict=True)
    }
    names = [name for modality in read.config.modalities for name in read.config.streams(modality) if name != "text"]
    return [name for name in names if bool(parts[name].present.any())], parts


def _utterances_by_captum(question: Question, pieces, baselines: dict, steps: int) -> InputValues:
    read = question.conversation
    streams, parts = _streams(read)
    values = InputValues(
        None if pieces is None else read.fused.new_zeros(pieces.mask.shape, dtype=torch.float32),
        {name: torch.zeros_like(parts[name].states, dtype=torch.float32) for name in streams},
        torch.zeros(read.number, device=read.fused.device),
    )
    if not streams and (pieces is None or not bool(pieces.mask.any())):
        return values
    lengths = torch.stack([part.readable_lengths for part in parts.values()]).sum(dim=0)
    chunks = _chunks(lengths, max(TOKENS_AT_ONCE // steps, 1))
    if pieces is not None and texts_at_once(question.conversation.amuse.encoder("text")) == 1:  # it reads padding
        pieces_of = pieces.mask.sum(dim=1)
        chunks = [rows[pieces_of[rows] == number] for rows in chunks for number in pieces_of[rows].unique()]
    for rows in chunks:
        chunk = _Chunk(question, rows, parts, pieces, streams)
        inputs, from_inputs = chunk.inputs(baselines)
        attribute = captum_attr().IntegratedGradients(chunk.log_odds, multiply_by_inputs=True).attribute
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            found, deltas = attribute(
                inputs,
                from_inputs,
                additional_forward_args=(torch.arange(len(rows), device=rows.device),),
                n_steps=steps,
                return_convergence_delta=True,
            )
        values.deltas[rows] = deltas.detach().float()
        found = [part.detach().float() for part in found]
        if pieces is not None:
            first = found.pop(0).sum(dim=-1)
            values.pieces[rows, : first.shape[1]] = first
        for name, part in zip(streams, found, strict=True):
            values.streams[name][rows, : part.shape[1]] = part
    return values


def _chunks(lengths: torch.LongTensor, tokens: int) -> list[torch.LongTensor]:
    """Groups of rows of similar length, each with at most `tokens` tokens including padding (or one row)."""
    chunks, first = [], 0
    order = lengths.argsort(stable=True)
    ordered = lengths[order].tolist()
    for place, length in enumerate(ordered):
        if place > first and (place + 1 - first) * length > tokens:
            chunks.append(order[first:place])
            first = place
    return [*chunks, order[first:]]


class _Chunk:
    """Some utterances, and their log-odds as a function of their embeddings and tokens."""

    def __init__(self, question: Question, rows: torch.LongTensor, parts: dict, pieces, streams: list[str]):
        self.question, self.read, self.rows = question, question.conversation, rows
        self.parts = {name: part.of_rows(rows) for name, part in parts.items()}
        self.streams, self.pieces = streams, None
        if pieces is not None:
            mask = pieces.mask[rows]
            width = int(mask.sum(dim=1).max().clamp(min=1))
            self.pieces = WordPieces(
                pieces.input_ids[rows, :width], mask[:, :width], pieces.word[rows, :width], pieces.baseline
            )

    def inputs(self, baselines: dict) -> tuple[tuple, tuple]:
        """The inputs that are attributed, and their baselines, one tensor for each."""
        given, compared = [], []
        if self.pieces is not None:
            embed = self.read.amuse.encoder("text").get_input_embeddings()
            with torch.no_grad():
                given.append(embed(self.pieces.input_ids))
                compared.append(embed(self.pieces.baseline_ids()))
        for name in self.streams:
            states = self.parts[name].states
            given.append(states)
            base = baselines[name][self.rows, None].to(states.dtype).expand_as(states)
            compared.append(torch.where(self.parts[name].valid[..., None], base, states))
        return tuple(given), tuple(compared)

    def log_odds(self, *given: torch.Tensor) -> torch.Tensor:
        """
        The log-odds `(number,)`.

        Args:
            given: inputs in the order of `inputs`, then for each row the index of its utterance in this chunk.
        """
        *inputs, places = given
        parts = {name: Tokens(part.states[places], part.lengths[places]) for name, part in self.parts.items()}
        if self.pieces is not None:
            parts["text"] = self._encoded(inputs.pop(0), self.pieces.mask[places])
        for name, states in zip(self.streams, inputs, strict=True):
            parts[name] = Tokens(states, parts[name].lengths)
        read, rows = self.read, self.rows[places]
        tokens = {modality: [parts[name] for name in read.config.streams(modality)] for modality in read.tokens}
        described = read.describe(tokens, read.present[rows], read.evidence_of(rows))
        return self.question.odds_of_all(read.logits_of(rows, *described), rows)

    def _encoded(self, embeddings: torch.Tensor, mask: torch.BoolTensor) -> Tokens:
        encoder = self.read.amuse.encoder("text")
        attended = mask | (torch.arange(mask.shape[1], device=mask.device) == 0)  # as encode_text: at least one token
        states = encoder(inputs_embeds=embeddings, attention_mask=attended.long()).last_hidden_state
        return Tokens(states.to(self.read.fused.dtype).masked_fill(~mask[..., None], 0), mask.sum(dim=1))


class _EmbeddingTable(nn.Module):
    """Embeddings in which token ids from `_FIRST_PLACE` on are rows of a table."""

    def __init__(self, embeddings: nn.Module, table: torch.Tensor):
        super().__init__()
        self.embeddings, self.table = [embeddings], table

    def forward(self, input_ids: torch.LongTensor) -> torch.Tensor:
        is_place = input_ids >= _FIRST_PLACE
        known = self.embeddings[0](input_ids.masked_fill(is_place, 0))
        return torch.where(is_place[..., None], self.table[(input_ids - _FIRST_PLACE).clamp(min=0)], known)


def _shared_values(question: Question, pieces: WordPieces, baselines: dict) -> InputValues:
    """
    Integrated gradients of the inputs of all utterances in shared passes, for an encoder that reads whole conversations. All
    inputs of the conversation move along the path together, and one backward pass gives the gradient of a signed sum of all
    utterances' log-odds. The signs of an utterance over the steps are a column of a Hadamard matrix, and the gradient at its own
    inputs is multiplied by the same sign. So the effects of words on the emotions of other utterances cancel out over the steps,
    as far as the gradients of the steps are equal. Voice and face have no effect on other utterances here.
    """
    read = question.conversation
    encoder = read.amuse.encoder("text")
    embed = encoder.get_input_embeddings()
    streams, parts = _streams(read)
    with torch.no_grad():
        embeddings = _Path(embed(pieces.baseline_ids()), embed(pieces.input_ids))
        paths = {name: _Path.of_stream(parts[name], baselines[name]) for name in streams}
    rows = torch.arange(read.number, device=pieces.mask.device)
    places = torch.arange(pieces.mask.numel(), device=rows.device).view_as(pieces.input_ids) + _FIRST_PLACE
    signs = _hadamard(SHARED_STEPS).to(embeddings.whole)[:, rows % SHARED_STEPS]
    for step in range(SHARED_STEPS):
        share = (step + 0.5) / SHARED_STEPS
        for part in _encoded_together(read, pieces):
            inputs = [path.at(share, part) for path in (embeddings, *paths.values())]
            states_of = dict(zip(streams, inputs[1:], strict=True))
            try:
                with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
                    encoder.set_input_embeddings(_EmbeddingTable(embed, inputs[0].flatten(0, 1)))
                    log_odds = _log_odds_of_part(question, part, places[: len(part)], pieces.mask[part], states_of)
                    signed = (log_odds * signs[step, part]).sum()
                    gradients = torch.autograd.grad(signed, inputs, materialize_grads=True)
            finally:
                encoder.set_input_embeddings(embed)
            for path, gradient in zip((embeddings, *paths.values()), gradients, strict=True):
                path.total[part] += gradient * signs[step, part][:, None, None] / SHARED_STEPS
    return InputValues(
        embeddings.values().sum(dim=-1) * pieces.mask, {name: path.values() for name, path in paths.items()}
    )


class _Path:
    """The straight line from the baseline of an input `(T, tokens, D)` to the input, and the mean gradient on it."""

    def __init__(self, base: torch.Tensor, whole: torch.Tensor):
        self.base, self.whole, self.total = base, whole, torch.zeros_like(whole)

    @classmethod
    def of_stream(cls, tokens: Tokens, baseline: torch.Tensor) -> "_Path":
        """From the baseline `(T, D)` of each utterance's valid tokens."""
        base = baseline[:, None].to(tokens.states.dtype).expand_as(tokens.states)
        return cls(torch.where(tokens.valid[..., None], base, tokens.states), tokens.states)

    def at(self, share: float, rows: torch.LongTensor) -> torch.Tensor:
        """The inputs of `rows`, so far along the line, as a leaf of the graph."""
        return (self.base[rows] + share * (self.whole[rows] - self.base[rows])).requires_grad_()

    def values(self) -> torch.Tensor:
        """The attribution of each number, `(T, tokens, D)`."""
        return ((self.whole - self.base) * self.total).float()


def _encoded_together(read: ReadConversation, pieces: WordPieces) -> list[torch.LongTensor]:
    """Groups of utterances whose text is encoded together; the groups do not depend on each other."""
    rows = torch.arange(read.number, device=pieces.mask.device)
    if read.config.text_scope != "conversation":
        return [rows]
    from .text_in_conversation import sequences_of

    sequences = sequences_of(read.amuse.encoder("text"), pieces.mask, read.layout.conversations, read.config)
    return [rows[sequences == number] for number in range(int(sequences.max()) + 1)]


def _log_odds_of_part(
    question: Question, part: torch.LongTensor, places: torch.Tensor, mask: torch.Tensor, states_of: dict
) -> torch.Tensor:
    """
    The log-odds of the utterances `part`, whose text is encoded together.

    Args:
        places: `(number, S)`, their token ids.
        mask: `(number, S)`.
        states_of: other token states `(number, tokens, D)`, by the name of the stream.
    """
    read = question.conversation
    encode = TEXT_SCOPES.implementation(read.config.text_scope)
    conversations = torch.zeros_like(part)
    states, mask = encode(read.amuse.encoder("text"), places, mask, conversations, read.config)
    parts = {name: own.of_rows(part) for name, own in _streams(read)[1].items()}
    for name, changed in states_of.items():
        parts[name] = Tokens(changed[:, : parts[name].states.shape[1]], parts[name].lengths)
    parts["text"] = left_align(states.to(read.fused.dtype), mask)
    tokens = {modality: [parts[name] for name in read.config.streams(modality)] for modality in read.tokens}
    described = read.describe(tokens, read.present[part], read.evidence_of(part))
    return question.odds_of_all(read.logits_of(part, *described), part)


def _hadamard(size: int) -> torch.Tensor:
    """A matrix of signs with orthogonal rows and columns, `(size, size)`; `size` is a power of 2."""
    matrix = torch.ones(1, 1)
    while len(matrix) < size:
        matrix = torch.cat([torch.cat([matrix, matrix], 1), torch.cat([matrix, -matrix], 1)])
    return matrix


@torch.no_grad()
def logits_of_kept_words(
    read: ReadConversation, pieces: WordPieces, rows: torch.LongTensor, kept: torch.BoolTensor
) -> torch.Tensor:
    """
    The logits `(number, C)` of utterances that are reduced to some of their words.

    Args:
        pieces: the word pieces, for a text encoder that reads each utterance by itself.
        rows: `(number,)`, the utterances.
        kept: `(number, words)`, the words that are kept. Without any word, an utterance has no text.
    """
    word = pieces.word[rows]
    mask = pieces.mask[rows] & ((word < 0) | kept.gather(1, word.clamp(min=0)))
    there = (kept[:, :, None] & (word[:, None] == torch.arange(kept.shape[1], device=word.device)[:, None])).any(
        dim=(1, 2)
    )
    states, mask = encode_text(read.amuse.encoder("text"), pieces.input_ids[rows], mask & there[:, None])
    tokens = {modality: [part.of_rows(rows) for part in parts] for modality, parts in read.tokens.items()}
    tokens["text"] = [left_align(states.to(read.fused.dtype), mask)]
    present = read.present[rows].clone()
    present[:, list(read.tokens).index("text")] = there
    return read.logits_of(rows, *read.describe(tokens, present, read.evidence_of(rows)), present=present)


def lime_values(question: Question, pieces: WordPieces, row: int, samples: int, seed: int = 0) -> torch.Tensor:
    """
    LIME (Ribeiro et al. 2016): the weights `(words,)` of a linear model of the log-odds, fitted on copies of the utterance
    from which words were left out at random. Its settings are those of the authors' package for texts: ridge regression, and
    an exponential kernel of the cosine distance of width 0.25.
    """
    attr = captum_attr()
    linear = importlib.import_module("captum._utils.models.linear_model")
    similarity = importlib.import_module("captum.attr._core.lime").get_exp_kernel_similarity_function("cosine", 0.25)
    words = int(pieces.word[row].max()) + 1

    def log_odds(kept: torch.Tensor) -> torch.Tensor:
        rows = torch.full((len(kept),), row, device=kept.device)
        return question.odds_of_all(logits_of_kept_words(question.conversation, pieces, rows, kept.bool()), rows)

    lime = attr.Lime(log_odds, interpretable_model=linear.SkLearnRidge(alpha=1.0), similarity_func=similarity)
    whole = torch.ones(1, words, device=pieces.word.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return lime.attribute(whole, baselines=0, n_samples=samples, perturbations_per_eval=32)[0].float()


@torch.no_grad()
def region_values(question: Question, row: int, frame: int, pixel_values: torch.Tensor, grid: int) -> torch.Tensor:
    """
    The decrease of an utterance's log-odds when a region of one of its pictures is covered with the picture's mean colour.

    Args:
        frame: the index of the picture among the utterance's valid pictures.
        pixel_values: `(channels, height, width)`, this picture as the encoder reads it.
        grid: number of rows, and of columns, of the grid of regions.

    Returns:
        `(grid, grid)`.
    """
    read = question.conversation
    height, width = pixel_values.shape[1:]
    region = (torch.arange(height) * grid // height)[:, None] * grid + (torch.arange(width) * grid // width)[None]
    rows = torch.full((grid * grid,), row, device=pixel_values.device)
    tokens = {modality: [part.of_rows(rows) for part in parts] for modality, parts in read.tokens.items()}

    def log_odds(shown: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        states, _ = encode_frames(read.amuse.encoder("vision"), shown[:, None], None)
        vision = tokens["vision"][0]
        changed = vision.states[: len(shown)].clone()
        changed[:, frame] = states[:, 0].to(changed.dtype)
        own = {m: [Tokens(part.states[: len(shown)], part.lengths[: len(shown)]) for part in parts] for m, parts in
               tokens.items()}  # fmt: skip
        own["vision"][0] = Tokens(changed, vision.lengths[: len(shown)])
        which = rows[: len(shown)]
        described = read.describe(own, read.present[which], read.evidence_of(which))
        return question.odds_of_all(read.logits_of(which, *described), which)

    mean = pixel_values.mean(dim=(1, 2), keepdim=True).expand_as(pixel_values)
    found = (
        captum_attr()
        .FeatureAblation(log_odds)
        .attribute(
            pixel_values[None],
            mean[None],
            additional_forward_args=(torch.zeros(1, device=rows.device),),
            feature_mask=region.expand(1, pixel_values.shape[0], -1, -1).to(pixel_values.device),
            perturbations_per_eval=grid * grid,
        )
    )
    of_region = one_hot(region.to(found.device), grid * grid).flatten(0, 1).float()
    sums = found[0].mean(dim=0).flatten().float() @ of_region
    return (sums / of_region.sum(dim=0)).view(grid, grid)


__all__ = ["InputValues", "Question", "WordPieces", "captum_attr", "input_values"]
