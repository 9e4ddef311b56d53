"""Small random models and batches."""

import torch
from transformers import AutoTokenizer

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.feature_extractors import extractor_record

SIZES = {"text": 6, "audio": 3, "vision": 5, "background": 4}
NUM_LABELS = 4


def small_config(**changes) -> AmuseConfig:
    fields = {f"{stream}_feature_size": size for stream, size in SIZES.items()}
    return AmuseConfig(
        **{
            **fields,
            "hidden_size": 16,
            "num_attention_heads": 2,
            "num_man_layers": 2,
            "num_labels": NUM_LABELS,
            "initializer_range": 0.3,
            **changes,
        }
    )


def small_model(**changes) -> AmuseForEmotionRecognition:
    """A model in evaluation mode whose weights are so large that its outputs differ clearly."""
    return AmuseForEmotionRecognition(small_config(**changes)).eval()


def with_experts(model: AmuseForEmotionRecognition) -> AmuseForEmotionRecognition:
    """Give the experts of the model, if it has any, random weights: new experts add nothing."""
    if model.config.experts != "none":
        with torch.no_grad():
            for expert in model.amuse.experts.heads.values():
                for parameter in (expert.head.weight, expert.head.bias, expert.center):
                    parameter.normal_(std=0.5)
                expert.scale.uniform_(0.5, 2)
            model.amuse.experts.log_prior.copy_(torch.randn(model.config.num_labels).log_softmax(dim=0))
    return model


def save_recording_model(folder, text_encoder: str, emotions=("neutral", "joy", "anger"), **changes):
    """Save a random model of text and prosody, which accepts recordings, with its processor."""
    torch.manual_seed(0)
    AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        text_encoder,
        audio_feature_size=42,
        **{"hidden_size": 16, "initializer_range": 0.3, **changes},
        id2label=dict(enumerate(emotions)),
        label2id={emotion: number for number, emotion in enumerate(emotions)},
    ).save_pretrained(folder)
    AmuseProcessor(
        AutoTokenizer.from_pretrained(text_encoder),
        emotions=list(emotions),
        feature_statistics={"audio": {"mean": [0.0] * 42, "std": [100.0] * 42}},
        feature_records={"audio": extractor_record("prosody")},
    ).save_pretrained(folder)


def random_batch(lengths=(5, 3), tokens=4, seed=0, speakers=3, streams=tuple(SIZES)) -> dict[str, torch.Tensor]:
    """Conversations of `lengths` utterances, each with 1 to `tokens` tokens of every stream."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths))
    batch = {
        "utterance_mask": (torch.arange(shape[1]) < torch.tensor(lengths)[:, None]).long(),
        "speaker_ids": torch.randint(0, speakers, shape, generator=generator),
        "labels": torch.randint(0, NUM_LABELS, shape, generator=generator),
    }
    for stream in streams:
        batch[f"{stream}_features"] = torch.randn(*shape, tokens, SIZES[stream], generator=generator)
        counts = torch.randint(1, tokens + 1, (*shape, 1), generator=generator)
        batch[f"{stream}_mask"] = (torch.arange(tokens) < counts).long()
    return batch


def without(batch: dict, *streams: str) -> dict:
    """The batch without some streams."""
    return {key: value for key, value in batch.items() if not key.startswith(streams)}


def logits(model, batch: dict) -> torch.Tensor:
    with torch.no_grad():
        return model(**batch).logits
