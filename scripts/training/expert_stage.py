# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The last stage of a training, which fits the experts of the saved model (`--experts`)."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.modality_axis import may_lack_conversation
from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset
from modeling_amuse.processing.evaluation.emotion_metric import EmotionMetric
from modeling_amuse.processing.evaluation.unclear_threshold import choose_threshold
from modeling_amuse.processing.whole_files import whole_files
from modeling_amuse.scripts.training.expert_fitting import (
    NUM_FOLDS,
    Calibration,
    ExpertData,
    FittedHead,
    expert_terms,
    fit_head,
    fit_weights,
    held_out_losses,
    is_better,
    log_prior,
)
from modeling_amuse.scripts.training.prediction import collate_conversations
from modeling_amuse.variants import EXPERTS

AUTOMATIC = "auto"
"""The value of `--experts` for the kind that is best on the validation split."""

SMALLEST_VALIDATION = {"conversations": 20, "utterances": 200}
"""The smallest validation split on which kinds can be compared; with fewer, no experts are added automatically."""


def fit_experts(
    folder: Path,
    train_set: ConversationDataset,
    validation_set: ConversationDataset,
    accelerator: Accelerator,
    batch_size: int,
    wanted: str = AUTOMATIC,
    separate_weights: bool = False,
) -> dict:
    """
    Fit the experts of a saved model and write them into it. The other weights of the model do not change. Only the main
    process calls this.

    Args:
        folder: the folder of the model and its processor; both are saved again if experts are added.
        train_set: the training split, on which the heads are fitted.
        validation_set: the validation split, on which regularization, weights and with `"auto"` the kind are chosen.
        accelerator: the accelerator of the training.
        batch_size: the number of conversations in a batch.
        wanted: `"auto"`, or a name of [`EXPERTS`].
        separate_weights: whether each expert has a weight of its own, see [`fit_weights`].

    Returns:
        The record of the fit: `kind`, `reason`, the weights, and for each kind the negative log-likelihood on held-out
        validation conversations.
    """
    if wanted == "none":
        return {"kind": "none", "reason": "They were turned off."}
    model = AmuseForEmotionRecognition.from_pretrained(folder)
    model.amuse.add_experts()
    processor = AmuseProcessor.from_pretrained(folder)
    processor.evidence = {modality: evidence_unit(modality, train_set) for modality in model.config.modalities}
    model.to(accelerator.device).eval()
    train = read_split(model, processor, train_set, accelerator, batch_size)
    # the model answers with the prior where a conversation has nothing that the conversation term reads
    experts = model.amuse.experts
    experts.log_prior.copy_(
        torch.as_tensor(log_prior(train.labels, model.config.num_labels), dtype=experts.log_prior.dtype)
    )
    validation = read_split(model, processor, validation_set, accelerator, batch_size)
    found = compare(train, validation, model.config.modalities, model.config.num_labels, wanted, separate_weights)
    unread = [modality for modality in model.config.modalities if modality not in model.config.fused_modalities]
    if unread and found["calibration"].kind == "none":
        found["reason"] += f" So the model does not use {' and '.join(unread)}."
    if found["calibration"].kind != "none":
        write_experts(model, processor, found["heads"], found["prior"], found["calibration"])
        model.config.unclear_below = choose_threshold(final_scores(found, validation), validation.labels)
        save_in_place(model, processor, folder)
    return describe(found, train, validation)


def evidence_unit(modality: str, dataset: ConversationDataset) -> str:
    """The unit of a modality's evidence: words, seconds, or for vision tokens (frames with a face) if there are several."""
    if modality == "text":
        return "words"
    table = dataset.tables.get("vision")
    has_frames = modality == "vision" and (table is None or np.diff(table.ends, prepend=0).max() > 1)
    return "tokens" if has_frames else "seconds"


@torch.no_grad()
def read_split(
    model: AmuseForEmotionRecognition,
    processor: AmuseProcessor,
    dataset: ConversationDataset,
    accelerator,
    batch_size: int,
) -> ExpertData:
    """Collect the inputs of the model's experts for all labelled utterances of a split."""
    modalities = model.config.modalities
    asked = []
    hook = model.amuse.experts.register_forward_pre_hook(lambda module, inputs: asked.append(inputs))
    order = np.argsort(dataset.lengths(), kind="stable")[::-1].tolist()  # conversations of like length together
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    collate = partial(collate_conversations, dataset, processor, modalities)
    rows = {name: [] for name in ("labels", "conversations", "logits")}
    by_modality = {kind: {modality: [] for modality in modalities} for kind in ("inputs", "present", "evidence")}
    for batch in tqdm(DataLoader(dataset, batch_sampler=batches, collate_fn=collate), desc="Reading", leave=False):
        batch = batch.to(accelerator.device)
        outputs = model(**batch)
        (tokens, present, evidence), is_utterance = asked.pop(), batch["utterance_mask"].bool()
        labels = batch["labels"][is_utterance]
        kept = labels != -100
        numbers = batch["utterance_ids"][is_utterance][kept].cpu().numpy()
        rows["labels"].append(labels[kept].cpu().numpy())
        rows["conversations"].append(np.searchsorted(dataset.starts, numbers, side="right") - 1)
        rows["logits"].append(outputs.conversation_logits[is_utterance][kept].double().cpu().numpy())
        for m, modality in enumerate(modalities):
            # an absent stream will have the training mean, which is not known yet
            summary = model.amuse.experts.heads[modality].summary(tokens[modality], absent=float("nan"))
            by_modality["inputs"][modality].append(summary[kept].float().cpu().numpy())
            by_modality["present"][modality].append(present[kept, m].cpu().numpy())
            by_modality["evidence"][modality].append(evidence[kept, m].cpu().numpy())
    hook.remove()
    joined = {kind: {m: np.concatenate(parts) for m, parts in of.items()} for kind, of in by_modality.items()}
    rows = {name: np.concatenate(parts) for name, parts in rows.items()}
    if may_lack_conversation(model.config):
        joined["is_prior"] = (rows["logits"] == model.amuse.experts.log_prior.double().cpu().numpy()).all(axis=1)
    return ExpertData(**rows, **joined)


def compare(
    train: ExpertData,
    validation: ExpertData,
    modalities: tuple[str, ...],
    num_labels: int,
    wanted: str,
    separate_weights: bool = False,
) -> dict:
    """Fit heads and weights, and choose the kind: a kind replaces a simpler one only if better by over a standard error."""
    found = {"heads": {}, "prior": log_prior(train.labels, num_labels), "losses": {}}
    counts = {"conversations": len(np.unique(validation.conversations)), "utterances": len(validation.labels)}
    lacking = [name for name, least in SMALLEST_VALIDATION.items() if counts[name] < least]
    if lacking and wanted == AUTOMATIC:
        reason = f"The validation split has {counts[lacking[0]]} {lacking[0]}, too few to compare ({SMALLEST_VALIDATION[lacking[0]]})."
        return found | {"calibration": Calibration("none"), "reason": reason}
    heads = {modality: fit_head(train, validation, modality, num_labels) for modality in modalities}
    found["heads"] = {modality: head for modality, head in heads.items() if head is not None}
    terms = expert_terms(validation, found["heads"], found["prior"])
    kind, reason = wanted, "It was asked for."
    if counts["conversations"] >= NUM_FOLDS:
        found["losses"] = {name: held_out_losses(validation, terms, name, separate_weights) for name in EXPERTS}
        if "text" in terms and len(terms) > 1:  # the baseline of the experts of voice and face
            found["losses"]["text alone"] = held_out_losses(validation, {"text": terms["text"]}, "constant")
    if wanted == AUTOMATIC:
        kind, reason = "none", "No kind is better on validation by more than a standard error."
        for name in list(EXPERTS)[1:]:
            if is_better(found["losses"][name], found["losses"][kind], validation.conversations):
                reason = f"On validation it is better than {kind} by more than a standard error."
                kind = name
    calibration = fit_weights(validation, terms, kind, separate_weights=separate_weights)
    return found | {"calibration": calibration, "reason": reason}


def write_experts(
    model: AmuseForEmotionRecognition,
    processor: AmuseProcessor,
    heads: dict[str, FittedHead],
    prior: np.ndarray,
    calibration: Calibration,
):
    """Write fitted experts into a model and its configuration."""
    experts = model.amuse.experts
    for modality in list(experts.heads):
        if modality not in heads:
            del experts.heads[modality]
            continue
        expert, head = experts.heads[modality], heads[modality]
        values = {"center": head.center, "scale": head.scale, "head.weight": head.weight, "head.bias": head.bias}
        with torch.no_grad():
            for name, value in values.items():
                target = expert.get_parameter(name) if name.startswith("head.") else expert.get_buffer(name)
                target.copy_(torch.as_tensor(value, dtype=target.dtype))
    experts.log_prior.copy_(torch.as_tensor(prior, dtype=experts.log_prior.dtype))
    config = model.config
    config.experts = calibration.kind
    config.conversation_weight = calibration.conversation_weight
    config.expert_weights = dict(calibration.weights)
    config.expert_half_evidence = dict(calibration.half_evidence) or None
    if calibration.kind != "adaptive":
        processor.evidence = None


def save_in_place(model: AmuseForEmotionRecognition, processor: AmuseProcessor, folder: Path):
    """Replace the model and processor in a folder; the old files stay until the new ones are complete."""
    with whole_files(folder) as unfinished:
        model.save_pretrained(unfinished)
        processor.save_pretrained(unfinished)


def final_scores(found: dict, validation: ExpertData) -> np.ndarray:
    """The probabilities `(utterances, emotions)` of the model with its experts on the validation split."""
    terms = expert_terms(validation, found["heads"], found["prior"])
    return torch.tensor(found["calibration"].logits(validation, terms)).softmax(dim=-1).numpy()


def describe(found: dict, train: ExpertData, validation: ExpertData) -> dict:
    """The record of a fit, as JSON can store it."""
    calibration, heads = found["calibration"], found["heads"]
    labels = validation.labels
    record = {
        "kind": calibration.kind,
        "reason": found["reason"],
        "conversation_weight": calibration.conversation_weight,
        "weights": calibration.weights,
        "half_evidence": calibration.half_evidence,
        "strengths": {modality: head.strength for modality, head in heads.items()},
        "clipped_values": {modality: head.num_clipped for modality, head in heads.items()},
        "validation_loss_of_each_expert": {m: head.negative_log_likelihood for m, head in heads.items()},
        "validation_loss": {name: float(loss.mean()) for name, loss in found["losses"].items()},
    }
    if calibration.kind != "none":
        probabilities = final_scores(found, validation)
        emotions = [str(number) for number in range(probabilities.shape[1])]
        columns = {"prediction_scores": probabilities, "references": labels}
        columns["conversations"] = validation.conversations
        scores = EmotionMetric(keep_in_memory=True).compute(**columns, emotions=emotions, num_resamples=0)
        record |= {f"validation_{name}": scores[name] for name in ("weighted_f1", "accuracy", "macro_f1")}
    return json.loads(json.dumps(record))


def in_words(record: dict) -> str:
    """A text that describes the fit, for the output of the training."""
    losses = ", ".join(f"{name} {loss:.4f}" for name, loss in record.get("validation_loss", {}).items())
    text = f"experts: {record['kind']}. {record['reason']}"
    if losses:
        text += f" Negative log-likelihood on held-out validation conversations: {losses}."
    if record["kind"] != "none":
        weights = ", ".join(f"{modality} {weight:.3f}" for modality, weight in record["weights"].items())
        clipped = sum(record["clipped_values"].values())
        text += (
            f" Weights: conversation {record['conversation_weight']:.3f}, {weights}. Validation weighted F1 "
            f"{record['validation_weighted_f1']:.4f}. {clipped} extreme input values of the experts were clipped."
        )
    return text
