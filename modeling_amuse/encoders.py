# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Apply the pretrained encoders of transformers: from the raw inputs of each modality to token states."""

import inspect
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.functional import pad
from transformers import MODEL_MAPPING, ASTConfig, AutoConfig, AutoModel, WhisperConfig
from transformers.configuration_utils import PreTrainedConfig
from transformers.modeling_utils import PreTrainedModel

from .like_lengths import in_first_order
from .loading_boundary import load_boundary
from .pickled_adapters import check_adapter
from .tokens import left_align
from .tracing import is_exporting

GROUPS_OF_LIKE_WIDTH = 4
READS_PADDING = frozenset(
    {"convbert", "fnet", "nystromformer", "canine", "data2vec-audio", "wav2vec2-conformer", "moonshine"}
)
"""Types of encoders whose states of valid steps depend on the padding behind them despite the mask: rows of one length are read together."""
TOKENS_PER_GROUP = 64  # the time that reading one group more takes, as the number of padding tokens that take as long
WINDOW_STEP = 200  # frames of Whisper's spectrogram: 2 seconds
WINDOW_MARGIN = 600  # 6 seconds of silence after a sound; Whisper's states, and with them accuracy, depend on it

SHORTEST_SOUND = 1600  # samples; the processor pads to this length, because encoders have a shortest input


def encoder_from_config(config: PreTrainedConfig) -> PreTrainedModel:
    """The encoder with random weights; of an encoder-decoder (Whisper) only the encoder."""
    dtype = torch.get_default_dtype()  # that of the layers around it, not that of the stored encoder
    return _encoder_of(AutoModel.from_config(config, dtype=dtype, **_without_pooler(config)))


def encoder_from_pretrained(name_or_path: str, config: PreTrainedConfig, **hub_options) -> PreTrainedModel:
    """
    The encoder with its pretrained weights, from a Hub id or a folder. Only safetensors are loaded, never a pickle.
    `hub_options` are options for downloading from the Hub.
    """
    with load_boundary(name_or_path):
        check_adapter(name_or_path, **hub_options)
        options = {
            "dtype": torch.get_default_dtype(),
            "use_safetensors": True,
            **_without_pooler(config),
            **hub_options,
        }
        return _encoder_of(AutoModel.from_pretrained(name_or_path, config=config, **options))


def encoder_config_from_pretrained(name_or_path: str, **hub_options) -> PreTrainedConfig:
    """
    The configuration of a pretrained encoder.

    Raises:
        ValueError: when it is damaged.
        OSError: when there is none.
    """
    with load_boundary(name_or_path):
        return AutoConfig.from_pretrained(name_or_path, **hub_options)


def _encoder_of(model: PreTrainedModel) -> PreTrainedModel:
    return model.get_encoder() if model.config.is_encoder_decoder else model


def _without_pooler(config: PreTrainedConfig) -> dict:
    """The pooler is not used: its weights would get no gradient, which DistributedDataParallel does not allow."""
    parameters = inspect.signature(MODEL_MAPPING[type(config)].__init__).parameters
    return {"add_pooling_layer": False} if "add_pooling_layer" in parameters else {}


def encode_text(encoder: PreTrainedModel, input_ids: torch.Tensor, mask: torch.Tensor | None):
    """
    Args:
        input_ids: `(rows, tokens)`.
        mask: `(rows, tokens)`, 1 for tokens. None: all are tokens.

    Returns:
        States `(rows, tokens, D)`, tokens first and padding after them, and their mask `(rows, tokens)`.
    """
    mask = torch.ones_like(input_ids) if mask is None else mask
    # with padding on the left, the position of a word would depend on the other rows
    words = left_align(input_ids[..., None], mask)
    input_ids, mask = words.states[..., 0], words.valid
    # in an utterance without text the encoder attends to one padding token, which `mask` excludes
    return encode_rows(encoder, input_ids, _with_a_first(mask)), mask


def encode_rows(
    encoder: PreTrainedModel, input_ids: torch.Tensor, mask: torch.BoolTensor, rows_at_once: int | None = None
) -> torch.Tensor:
    """
    A text encoder's states `(rows, tokens, D)` of rows `(rows, tokens)` with at least one token each. States of masked tokens
    are arbitrary. On a CPU, rows of similar length are read together, because padding costs time there.

    Args:
        rows_at_once: the largest number of rows that are read at once, to save memory. None: no limit.
    """
    reads_padding = _reads_padding(encoder)
    if reads_padding and is_exporting():
        raise ValueError(
            f"A text encoder of the type {encoder.config.model_type} reads padding, so it cannot be exported."
        )
    if is_exporting() or is_sharded(encoder):  # all processes must call a sharded encoder equally often
        return encoder(input_ids=input_ids, attention_mask=mask.long()).last_hidden_state
    rows, tokens = mask.shape
    widths = torch.arange(1, tokens + 1, device=mask.device).mul(mask).amax(dim=1)
    groups = 1 if rows_at_once is None else -(-rows // rows_at_once)
    order = widths.argsort(stable=True)
    if mask.device.type == "cpu":
        groups = _fastest_number_of_groups(widths[order], groups)
    split = order.tensor_split(groups)
    if reads_padding:
        split = [
            part
            for group in split
            for part in group.split(widths[group].unique_consecutive(return_counts=True)[1].tolist())
        ]
    states = []
    for group in split:
        width = int(widths[group].max())
        read = encoder(input_ids=input_ids[group, :width], attention_mask=mask[group, :width].long())
        states.append(pad(read.last_hidden_state, (0, 0, 0, tokens - width)))
    return torch.cat(states)[order.argsort()]


def _fastest_number_of_groups(widths: torch.LongTensor, smallest: int) -> int:
    """Into how many groups rows of ascending `widths` are split: at least `smallest`, and more while padding costs more time."""

    def cost(groups: int) -> int:
        read = sum(len(group) * int(group[-1]) for group in widths.tensor_split(groups))
        return read + groups * TOKENS_PER_GROUP

    most = max(smallest, min(GROUPS_OF_LIKE_WIDTH, len(widths)))
    return min(range(smallest, most + 1), key=cost)


def _with_a_first(mask: torch.BoolTensor) -> torch.BoolTensor:
    """The mask `(rows, steps)`, in which rows without a valid step get their first step as valid."""
    first = torch.arange(mask.shape[1], device=mask.device) == 0
    return mask | (first & ~mask.any(dim=1, keepdim=True))


def encode_audio(
    encoder: PreTrainedModel, audio_values: torch.Tensor, mask: torch.Tensor | None, crop_window: bool = False
):
    """
    Args:
        audio_values: `(rows, ...)`, the encoder's main input: waveforms `(rows, samples)`, or spectrograms
            `(rows, bins, frames)` or `(rows, frames, bins)`.
        mask: `(rows, samples or frames)`, 1 for valid samples or frames. None: all are valid.
        crop_window: let an encoder with a fixed window read only the part that each row needs (`config.crop_audio_window`).

    Returns:
        States `(rows, tokens, D)` in the order of time, and their mask `(rows, tokens)`.

    Raises:
        ValueError: when a sound is padded on the left, and when a model with a cropped window is exported or sharded: the
            window's width depends on the sound.
    """
    is_eager = not (is_exporting() or torch.compiler.is_compiling())
    if mask is not None and is_eager and (mask[:, 1:].bool() & ~mask[:, :-1].bool()).any():
        raise ValueError(
            "audio_mask has a 0 before a 1: pad sounds on the right, as their length is read from the mask."
        )
    if crop_window and mask is not None and has_fixed_window(encoder):
        if is_exporting() or is_sharded(encoder):
            raise ValueError(
                "An audio encoder whose window is cropped (crop_audio_window) cannot be exported or sharded: the window's "
                "width depends on the sound. Give audio_features, the encoder's states, in place of audio_values."
            )
        return _encode_cropped(encoder, audio_values, mask.bool())
    if mask is not None and changes_with_padding(encoder) and is_exporting():
        raise ValueError(
            f"An audio encoder of the type {encoder.config.model_type} reads padding, so it cannot be exported. Give "
            "audio_features, the encoder's states, in place of audio_values."
        )
    if mask is not None and changes_with_padding(encoder) and not is_sharded(encoder):
        return _encode_by_length(encoder, audio_values, mask.bool())
    return _encode_sound(encoder, audio_values, mask)


def changes_with_padding(encoder: PreTrainedModel) -> bool:
    """Whether padding changes the states of valid samples despite the mask (wav2vec2-base and similar encoders)."""
    return getattr(encoder.config, "feat_extract_norm", None) == "group" or _reads_padding(encoder)


def texts_at_once(encoder: PreTrainedModel) -> int:
    """How many texts of different lengths the encoder may read at once, each as if it was read alone."""
    return 1 if _reads_padding(encoder) else 64


def _reads_padding(encoder: PreTrainedModel) -> bool:
    """Whether the encoder is of a type whose convolutions or Fourier transforms do not see the mask."""
    return getattr(getattr(encoder, "config", None), "model_type", None) in READS_PADDING


def _encode_by_length(encoder: PreTrainedModel, audio_values: torch.Tensor, mask: torch.BoolTensor):
    """Like `encode_audio`, but encode the rows `(rows, samples)` of each length by themselves, without padding."""
    lengths = mask.sum(dim=1)
    groups, read = [], []
    for length in lengths.unique():
        rows = (lengths == length).nonzero()[:, 0]
        width = max(int(length), min(SHORTEST_SOUND, audio_values.shape[1]))
        groups.append(rows)
        read.append(_encode_sound(encoder, audio_values[rows, :width], mask[rows, :width]))
    return _joined(read, groups)


def _joined(read: list[tuple[torch.Tensor, torch.BoolTensor]], groups: list[torch.LongTensor]):
    """States and mask of groups of rows that were encoded separately, padded to one length, in the order of the rows."""
    tokens = max(states.shape[1] for states, _ in read)
    states = [pad(states, (0, 0, 0, tokens - states.shape[1])) for states, _ in read]
    masks = [pad(mask, (0, tokens - mask.shape[1])) for _, mask in read]
    return in_first_order(states, groups), in_first_order(masks, groups)


def has_fixed_window(encoder: PreTrainedModel) -> bool:
    """Whether the encoder pads every sound to one length and adds absolute positions from its start, as Whisper does."""
    return isinstance(encoder.config, WhisperConfig)


def _encode_cropped(encoder: PreTrainedModel, audio_values: torch.Tensor, mask: torch.BoolTensor):
    """
    Like `encode_audio`, for spectrograms `(rows, bins, frames)` of a fixed window. Each row is read up to `WINDOW_MARGIN` frames
    after its end, rounded up to a multiple of `WINDOW_STEP`. A row's window depends on this row alone, so that its states do
    not depend on the batch.
    """
    frames = mask.shape[1]
    ends = mask.sum(dim=1) + WINDOW_MARGIN
    windows = (ends.add(WINDOW_STEP - 1).div(WINDOW_STEP, rounding_mode="floor") * WINDOW_STEP).clamp(max=frames)
    groups, read = [], []
    for window in windows.unique().tolist():
        rows = (windows == window).nonzero()[:, 0]
        groups.append(rows)
        with _narrowed(encoder, frames, window):
            read.append(_encode_sound(encoder, audio_values[rows, :, :window], mask[rows, :window]))
    return _joined(read, groups)


@contextmanager
def _narrowed(encoder: PreTrainedModel, frames: int, window: int):
    """Let a Whisper encoder, which only accepts inputs of `frames` frames, read `window` frames with its first positions."""
    config, embedding = encoder.config, encoder.embed_positions
    positions = embedding.num_embeddings
    config.max_source_positions = embedding.num_embeddings = positions * window // frames
    try:
        yield
    finally:
        config.max_source_positions = embedding.num_embeddings = positions


def _encode_sound(encoder: PreTrainedModel, audio_values: torch.Tensor, mask: torch.Tensor | None):
    inputs = {encoder.main_input_name: audio_values.to(encoder.dtype)}
    if mask is not None and (audio_values.dim() == 2 or _masks_frames(encoder)):
        # other encoders of spectrograms have no mask: they read the padding as silence
        inputs["attention_mask"] = _with_a_first(mask.bool()).long()
    with _augmented_where_long(encoder, audio_values):
        states = encoder(**inputs).last_hidden_state
    if isinstance(encoder.config, ASTConfig):
        states = _patches_in_time(states, encoder.config)
    if mask is None:
        return states, torch.ones(states.shape[:2], dtype=torch.bool, device=states.device)
    lengths = mask.sum(dim=1)
    token_lengths = _token_lengths(encoder, lengths, mask.shape[1], states.shape[1]).where(lengths > 0, 0)
    if not is_exporting():
        states = states[:, : int(token_lengths.max().clamp(min=1))]  # Whisper has states for 30 seconds
    return states, torch.arange(states.shape[1], device=mask.device) < token_lengths[:, None]


def _masks_frames(encoder: PreTrainedModel) -> bool:
    """Whether an encoder of spectrograms takes a mask of frames. AST's is one of patches, and Whisper ignores its own."""
    if isinstance(encoder.config, (ASTConfig, WhisperConfig)):
        return False
    return "attention_mask" in inspect.signature(encoder.forward).parameters


@contextmanager
def _augmented_where_long(encoder: PreTrainedModel, audio_values: torch.Tensor):
    """Turn off SpecAugment if the sound is shorter than its mask, which would raise an error."""
    config = encoder.config
    if not (encoder.training and getattr(config, "apply_spec_augment", False)):
        yield
        return
    steps = audio_values.shape[1]
    if audio_values.dim() == 2:
        steps = int(encoder._get_feat_extract_output_lengths(torch.tensor(steps)))
    config.apply_spec_augment = steps >= config.mask_time_length
    try:
        yield
    finally:
        config.apply_spec_augment = True


def _patches_in_time(states: torch.Tensor, config: ASTConfig) -> torch.Tensor:
    """
    The states of AST's patches in the order of time, and at one time from low to high bands. AST orders them by band. It
    also begins with tokens for the whole input, including the silence after the sound; they are left out.
    """
    bands = _steps(config.num_mel_bins, config.patch_size, config.frequency_stride)
    times = _steps(config.max_length, config.patch_size, config.time_stride)
    return states[:, -bands * times :].unflatten(1, (bands, times)).transpose(1, 2).flatten(1, 2)


def _steps(length: int, patch_size: int, stride: int) -> int:
    """The number of patches."""
    return (length - patch_size) // stride + 1


def _token_lengths(encoder: PreTrainedModel, lengths: torch.Tensor, longest: int, tokens: int) -> torch.Tensor:
    """The number of the `tokens` states that belong to the first `lengths` `(rows,)` of `longest` samples or frames."""
    config = encoder.config
    if isinstance(config, ASTConfig):
        times = lengths.add(config.time_stride - 1).div(config.time_stride, rounding_mode="floor")
        bands = _steps(config.num_mel_bins, config.patch_size, config.frequency_stride)
        return (times * bands).clamp(max=tokens)
    if hasattr(encoder, "_get_feat_extract_output_lengths"):
        if encoder.config.model_type == "moonshine":  # which computes one length, as a number
            of_rows = [max(0, int(encoder._get_feat_extract_output_lengths(length))) for length in lengths.tolist()]
            return torch.tensor(of_rows, device=lengths.device)
        return encoder._get_feat_extract_output_lengths(lengths).clamp(min=0)
    return (lengths * tokens).div(longest, rounding_mode="floor").clamp(min=1)


def encode_frames(encoder: PreTrainedModel, pixel_values: torch.Tensor, mask: torch.Tensor | None):
    """
    Args:
        pixel_values: `(rows, frames, channels, height, width)`.
        mask: `(rows, frames)`, 1 for frames. Only these are encoded (an export encodes all). None: all are frames.

    Returns:
        A state of each frame, the mean of its tokens, `(rows, frames, D)`, and the mask.
    """
    pixel_values = pixel_values.to(encoder.dtype)
    mask = pixel_values.new_ones(pixel_values.shape[:2]).bool() if mask is None else mask.bool()
    if is_exporting():
        states = encoder(pixel_values=pixel_values.flatten(0, 1)).last_hidden_state.mean(dim=1)
        return states.unflatten(0, mask.shape), mask
    states = pixel_values.new_zeros(*mask.shape, encoder.config.hidden_size)
    if mask.any():
        states[mask] = encoder(pixel_values=pixel_values[mask]).last_hidden_state.mean(dim=1).to(states.dtype)
    else:
        states = states + tied_to_zero(encoder)
    return states, mask


ENCODE = {"text": encode_text, "audio": encode_audio, "vision": encode_frames}


def is_distributed() -> bool:
    """Whether several processes train together. DistributedDataParallel waits for the gradient of every weight."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def is_sharded(encoder: nn.Module | None) -> bool:
    """
    Whether the encoder's weights are sharded over several processes (FSDP). All processes must call such an encoder equally
    often, otherwise they wait for each other forever.
    """
    return encoder is not None and any(hasattr(parameter, "full_tensor") for parameter in encoder.parameters())


def tied_to_zero(encoder: nn.Module) -> torch.Tensor:
    """
    A zero that gives every trained weight of the encoder a gradient of zero, for a batch that does not use the encoder.

    Raises:
        ValueError: when the encoder's weights are sharded.
    """
    if is_sharded(encoder):
        raise ValueError(
            f"A batch has no input for the {type(encoder).__name__}, whose weights are sharded over several processes (FSDP) "
            "and which therefore needs input in every batch of every process. Freeze the encoder and give its states as "
            "features, or train without sharding."
        )
    return sum(
        ((parameter * 0).sum() for parameter in encoder.parameters() if parameter.requires_grad), torch.zeros(())
    )
