# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Building the model of a training around its encoders, and its processor."""

from collections import Counter

from peft import PeftModel, get_peft_model
from transformers import AutoConfig, AutoTokenizer, PreTrainedConfig, PreTrainedTokenizerBase

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.configuration_amuse import PRESETS
from modeling_amuse.language import language_of
from modeling_amuse.low_rank_adaptation import lora_config
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from modeling_amuse.processing.conversation import MODALITY_OF
from modeling_amuse.processing.corpora.encoder_states import encoder_record
from modeling_amuse.processing.evaluation.contaminated_encoders import contamination
from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.training.model_loading import encoder_part, load_from_folder_or_hub
from modeling_amuse.scripts.training.training_arguments import ModelArguments
from modeling_amuse.scripts.training.training_data import TrainingData


def build_model(data: TrainingData, model_args: ModelArguments) -> tuple[AmuseForEmotionRecognition, AmuseProcessor]:
    """
    Build a new model around its encoders, and its processor with the feature statistics of the training split.

    Raises:
        ValueError: when options of the model contradict each other, or do not match the data.
    """
    check_conversation_modalities(data.modalities, model_args)
    tables = data.feature_tables
    utterances = [utterance for row in data.splits["train"]["utterances"] for utterance in row]
    frozen = frozen_recording_encoders(tables, model_args)
    text_model = text_encoder_name(data, model_args)
    tokenizer, text_fields = text_encoder(data, model_args)
    fields = {
        **PRESETS.get(model_args.preset, {}),
        **model_args.config_fields(),
        **fields_of_data(data, model_args, utterances),
        **{f"freeze_{modality}_encoder": True for modality in frozen},
        **text_fields,
    }
    if "audio" in frozen:
        record = tables["audio"].record
        fields |= {"audio_token_pooling": record["pooling"], "crop_audio_window": "window" in record}
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(text=text_model, **frozen, **fields)
    for stream, table in tables.items():
        if MODALITY_OF[stream] in frozen:
            check_states(table, model.amuse.encoder(MODALITY_OF[stream]), f"--{stream}_features")
    return model, build_processor(data, model, tokenizer, frozen)


def check_conversation_modalities(modalities: tuple[str, ...], model_args: ModelArguments):
    """
    Raises:
        ValueError: when the conversation term should read a modality that the model lacks, or a modality is not used at all.
    """
    chosen = model_args.conversation_modalities
    if chosen is None:
        return
    unknown = [modality for modality in chosen if modality not in modalities]
    if unknown:
        raise WrongArguments(
            f"--conversation_modalities names {', '.join(unknown)}, but the modalities of the model are "
            f"{', '.join(modalities)}: give features for it, or leave it out."
        )
    unused = [modality for modality in modalities if modality not in chosen]
    if unused and model_args.experts == "none":
        raise WrongArguments(
            f"--conversation_modalities leaves {', '.join(unused)} to the experts, but --experts none turns them off: choose "
            "other experts, or leave the modality out with --modalities."
        )


def fields_of_data(data: TrainingData, model_args: ModelArguments, utterances: list[dict]) -> dict:
    """The configuration fields that depend on the data: labels, feature sizes, class weights, size of the memory bank."""
    emotions = list(data.emotions)
    fields = {
        "id2label": dict(enumerate(emotions)),
        "label2id": {emotion: label for label, emotion in enumerate(emotions)},
        "freeze_text_encoder": model_args.freeze_text_model,
        "training_data": data.name,
        "training_language": language_of(data.texts[:1000]) if "text" in data.modalities else None,
        **{f"{stream}_feature_size": table.size for stream, table in data.feature_tables.items()},
        "extra_emotions": {corpus.name: list(corpus.emotions) for corpus in data.extra} or None,
    }
    if {**PRESETS.get(model_args.preset, {}), **model_args.config_fields()}.get("contrastive_loss") == "bank":
        fields["memory_bank_size"] = len(utterances)
    if model_args.class_weights == "balanced":
        counts = Counter(u["emotion"] for u in utterances if u["emotion"] is not None)
        # an emotion that nobody shows has the mean weight: soft labels may hold a little of it
        total = sum(counts.values())
        fields["class_weights"] = [total / (len(counts) * counts[e]) if counts[e] else 1.0 for e in emotions]
    return fields


def text_encoder_name(data: TrainingData, model_args: ModelArguments) -> str | None:
    """
    The name of the pretrained text encoder, or None if the model has none.

    Raises:
        ValueError: when an encoder is given, but the model encodes no text.
    """
    if model_args.text_model is not None and not data.encodes_text:
        raise WrongArguments(
            "--text_model cannot be used, as text is not among the modalities or is given as features: leave it out."
        )
    return model_args.text_model


def text_encoder(data: TrainingData, model_args: ModelArguments) -> tuple[PreTrainedTokenizerBase | None, dict]:
    """
    The tokenizer, and the configuration fields of the text encoder. Without a pretrained encoder, they are those of a small
    encoder that is trained from scratch.

    Raises:
        ValueError: when there is no text to learn from, or an option needs a pretrained encoder.
    """
    text_model = model_args.text_model
    if not data.encodes_text:
        return None, {}
    if text_model is not None:
        tokenizer = load_from_folder_or_hub(AutoTokenizer, text_model)
        if model_args.text_attention_dropout is None:
            return tokenizer, {}
        return tokenizer, {"text_config": with_attention_dropout(text_model, model_args.text_attention_dropout)}
    if model_args.freeze_text_model:
        raise WrongArguments("--freeze_text_model needs --text_model, as a small encoder from scratch must be trained.")
    if not data.texts:
        raise ValueError(
            "No training utterance has a text: give the texts under the key 'text', or leave text out with --modalities."
        )
    given = {**PRESETS.get(model_args.preset, {}), **model_args.config_fields()}
    config, tokenizer = small_text_encoder(data.texts, dropout=given.get("hidden_dropout", AmuseConfig.hidden_dropout))
    return tokenizer, {"text_config": config}


def build_processor(
    data: TrainingData, model, tokenizer: PreTrainedTokenizerBase | None, frozen: dict[str, str]
) -> AmuseProcessor:
    """The processor of a model. It standardizes features by the training split, except the states of encoders."""
    tables = {s: table for s, table in data.feature_tables.items() if MODALITY_OF[s] not in frozen}
    parts = {k: part for modality, name in frozen.items() for k, part in encoder_part(modality, name).items()}
    return AmuseProcessor(
        tokenizer,
        **parts,
        emotions=list(data.emotions),
        feature_statistics={stream: data.feature_statistics(stream) for stream in tables},
        feature_records={stream: table.record for stream, table in tables.items() if table.record is not None},
        speaker_names=model.config.text_scope != "utterance",
    )


def frozen_recording_encoders(tables: dict, model_args: ModelArguments) -> dict[str, str]:
    """
    The audio and image encoders whose states are in the feature tables, by modality.

    Raises:
        ValueError: when tables and encoders do not match.
    """
    frozen = {m: name for m in ("audio", "vision") if (name := getattr(model_args, f"{m}_model")) is not None}
    for stream, table in tables.items():
        is_states = (table.record or {}).get("name") == "encoder"
        if is_states and MODALITY_OF[stream] not in frozen:
            raise ValueError(
                f"--{stream}_features has the states of a {table.record['model_type']} encoder: give that encoder as "
                f"--{MODALITY_OF[stream]}_model, so that the trained model can read recordings itself."
            )
        if not is_states and MODALITY_OF[stream] in frozen:
            raise ValueError(
                f"--{stream}_features does not have the states of --{MODALITY_OF[stream]}_model: compute them with "
                "amuse extract."
            )
    for modality in frozen:
        if modality not in tables:
            raise WrongArguments(
                f"--{modality}_model needs its states as --{modality}_features: compute them with amuse extract."
            )
    return frozen


def check_states(table, encoder, option: str):
    """
    Raises:
        ValueError: when the states in the table are not those of this encoder.
    """
    expected = encoder_record(encoder, table.record["pooling"], "window" in table.record)
    if table.record != expected:
        raise ValueError(
            f"{option} has the states of another encoder ({table.record}) than the given one ({expected}): "
            "compute them again with amuse extract."
        )


def with_attention_dropout(text_model: str, dropout: float) -> PreTrainedConfig:
    """
    The configuration of a text encoder with the given dropout of attention weights.

    Raises:
        ValueError: when the encoder has no dropout of attention weights.
    """
    config = load_from_folder_or_hub(AutoConfig, text_model)
    for name in ("attention_probs_dropout_prob", "attention_dropout"):
        if hasattr(config, name):
            setattr(config, name, dropout)
            return config
    raise ValueError(f"--text_attention_dropout: encoders of the type {config.model_type} have no such dropout.")


def contamination_warnings(model_args: ModelArguments) -> list[str]:
    """Warnings for encoders whose training data may overlap with the test data."""
    names = [model_args.text_model, model_args.audio_model, model_args.vision_model]
    return [warning for name in names if name is not None and (warning := contamination(name)) is not None]


def add_adapters(model: AmuseForEmotionRecognition, model_args: ModelArguments) -> PeftModel:
    """
    Add LoRA adapters to the text encoder of the model. Returns the same model with PEFT's methods.

    Raises:
        ValueError: when the model has no pretrained text encoder, or the encoder is frozen.
    """
    if model_args.text_model is None or model_args.freeze_text_model or model.amuse.encoder("text") is None:
        raise WrongArguments("--lora adapts a pretrained text encoder: give --text_model, without --freeze_text_model.")
    settings = {name: getattr(model_args, name) for name in ("lora_alpha", "lora_dropout")}
    return get_peft_model(model, lora_config(model, ("text",), model_args.lora_r, **settings))
