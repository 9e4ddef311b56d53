# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Score a trained AMuSE on a split of a data set.

    python scripts/evaluate.py --model amuse-meld --dataset_name meld --data_dir MELD --split test --output results.json

Writes the scores as JSON and, beside it, pictures of the confusion matrix and of the calibration.
"""

import json
import os
import sys
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

if __name__ == "__main__":
    # This script's own folder comes first on the path, where evaluate.py would hide the library of that name: put the
    # repository there, which also makes the packages importable that are not installed.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import torch
from accelerate import Accelerator
from transformers import HfArgumentParser

from modeling_amuse import MODALITIES, AmuseForEmotionRecognition, AmuseProcessor
from processing.conversation import MODALITY_OF, STREAMS
from processing.conversation_dataset import ConversationDataset, load_stream_tables, utterance_ids
from processing.encoder_states import encoder_record
from processing.extras import import_extra
from processing.load_conversations import BUILDERS, describe_report, load_conversations
from processing.meld import FIVE_CLASS_LEFT_OUT
from processing.score_pictures import save_confusion_matrix, save_reliability
from scripts.prediction import load_from_folder_or_hub, predict, score, use_all_cores
from scripts.run_record import describe_run, read_training


@dataclass
class EvaluationArguments:
    """What is evaluated, and on what."""

    model: str = field(metadata={"help": "Folder or Hub id of the model."})
    dataset_name: str = field(default="sample", metadata={"help": "The data set.", "choices": list(BUILDERS)})
    data_dir: str | None = field(default=None, metadata={"help": "Folder with the data set's files."})
    split: str = field(default="test", metadata={"help": "The split: train, validation or test."})
    output: str = field(default="results.json", metadata={"help": "File for the scores; pictures go beside it."})
    audio_features: str | None = field(default=None, metadata={"help": "Feature table of the audio."})
    vision_features: str | None = field(default=None, metadata={"help": "Feature table of the faces."})
    background_features: str | None = field(default=None, metadata={"help": "Feature table of the background."})
    modalities: list[str] | None = field(
        default=None, metadata={"help": "Use only these of the model's modalities.", "choices": list(MODALITIES)}
    )
    modality_subsets: bool = field(default=False, metadata={"help": "Also score every subset of the modalities."})
    per_device_eval_batch_size: int = field(default=16, metadata={"help": "Conversations in a batch of one process."})
    num_resamples: int = field(default=1000, metadata={"help": "Resamples of the bootstrap interval."})
    pictures: bool = field(default=True, metadata={"help": "Draw the pictures (needs the extra plots)."})
    cache_dir: str | None = field(default=None, metadata={"help": "Where prepared data is kept."})
    use_cpu: bool = field(default=False, metadata={"help": "Compute on the CPU even where there is a GPU."})


def main(arguments: list[str] | None = None) -> dict:
    [args] = HfArgumentParser(EvaluationArguments, description=__doc__).parse_args_into_dataclasses(arguments)
    if args.pictures:
        import_extra("matplotlib", "plots")  # said now, not after the evaluation
    accelerator = Accelerator(cpu=args.use_cpu or not torch.cuda.is_available())
    use_all_cores(accelerator)

    model = load_from_folder_or_hub(AmuseForEmotionRecognition, args.model).to(accelerator.device)
    processor = load_from_folder_or_hub(AmuseProcessor, args.model)
    with accelerator.main_process_first():
        data = load_conversations(args.dataset_name, args.data_dir, args.cache_dir)
    if args.split not in data.splits:
        raise ValueError(f"The data set has no split {args.split!r}; it has {', '.join(data.splits)}.")
    conversations = data.splits[args.split]
    accelerator.print(describe_report({args.split: data.report[args.split]}))
    paths = {stream: getattr(args, f"{stream}_features", None) for stream in STREAMS}
    tables = load_stream_tables(paths, data.splits, [args.split])[args.split]
    for stream, table in tables.items():
        accelerator.print(f"{args.split}: {stream}: {table.coverage(utterance_ids(conversations))}")
        check_features(stream, table, model, processor)
    dataset = ConversationDataset(conversations, tables)
    dataset.check_labelled(args.split)
    modalities = used_modalities(model, tables, args.modalities)

    emotions = [model.config.id2label[label] for label in range(model.config.num_labels)]
    settings = {
        "emotions": emotions,
        "left_out": FIVE_CLASS_LEFT_OUT if args.dataset_name == "meld" else (),
        "num_resamples": args.num_resamples,
    }
    subsets = [modalities]
    if args.modality_subsets:
        subsets += [subset for size in range(len(modalities) - 1, 0, -1) for subset in combinations(modalities, size)]
    scores = {}
    for subset in subsets:
        predictions = predict(model, dataset, processor, accelerator, args.per_device_eval_batch_size, subset)
        scores["+".join(subset)] = score(predictions, **settings)
        accelerator.print(f"\n{', '.join(subset)}\n{describe(scores['+'.join(subset)])}")

    results = {
        "model": args.model,
        "dataset_name": args.dataset_name,
        "split": args.split,
        "modalities": list(modalities),
        **next(iter(scores.values())),
        "num_resamples": args.num_resamples,
        "data_report": dict(data.report[args.split]),
        "training": read_training(args.model),
        "run": describe_run(accelerator),
    }
    if args.modality_subsets:
        results["modality_subsets"] = scores
    if accelerator.is_main_process:
        write(results, emotions, Path(args.output), args.pictures)
        accelerator.print(f"\nWritten to {args.output}")
    accelerator.end_training()
    return results


def used_modalities(model, tables: dict, wanted: list[str] | None) -> tuple[str, ...]:
    """
    The modalities that are evaluated: the model's, or those of them that were asked for.

    Raises:
        ValueError: when the model does not know one, or the data does not hold it.
    """
    modalities = tuple(model.config.modalities if wanted is None else wanted)
    for modality in modalities:
        if modality not in model.config.modalities:
            raise ValueError(f"The model has no {modality}; it has {', '.join(model.config.modalities)}.")
        if modality not in tables and (modality != "text" or model.amuse.encoder("text") is None):
            raise ValueError(
                f"The model was trained with {modality}, and the data has none: give --{modality}_features, or name the "
                "modalities that are to be used with --modalities."
            )
    return modalities


def check_features(stream: str, table, model, processor):
    """
    Raises:
        ValueError: when the table's features were computed by something else than those that the model learned from.
    """
    trained = processor.feature_records.get(stream)
    if table.record is not None and table.record["name"] == "encoder" and stream != "text":
        encoder = model.amuse.encoder(MODALITY_OF[stream])
        trained = encoder and encoder_record(encoder, model.config.audio_token_pooling if stream == "audio" else 1)
    if table.record != trained:
        raise ValueError(
            f"The model learned from {stream} features of {trained or 'an unknown extractor'}, but the table has "
            f"{table.record or 'those of an unknown one'}: extract features of the same, or train anew."
        )


def write(results: dict, emotions: list[str], output: Path, pictures: bool):
    """The JSON file, whole or not at all, and the pictures beside it."""
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(output.name + ".unfinished")
    unfinished.write_text(json.dumps(results, indent=1, allow_nan=False), encoding="utf-8")
    os.replace(unfinished, output)
    if pictures:
        save_confusion_matrix(results, emotions, output.with_name(f"{output.stem}_confusion_matrix.png"))
        save_reliability(results, output.with_name(f"{output.stem}_reliability.png"))


def describe(scores: dict) -> str:
    """The scores as a text."""
    interval = scores.get("weighted_f1_interval")
    lines = [
        f"weighted F1 {scores['weighted_f1']:.4f}"
        + (f"  (95 % interval {interval[0]:.4f} to {interval[1]:.4f})" if interval else ""),
        f"accuracy {scores['accuracy']:.4f}  macro F1 {scores['macro_f1']:.4f}  expected calibration error "
        f"{scores['expected_calibration_error']:.4f}",
    ]
    if "reduced" in scores:
        reduced = scores["reduced"]
        lines.append(f"weighted F1 without {' and '.join(reduced['left_out'])} {reduced['weighted_f1']:.4f}")
    width = max(map(len, scores["per_class"]))
    lines.append(f"{'':{width}}  precision  recall      F1  support")
    for emotion, row in scores["per_class"].items():
        lines.append(
            f"{emotion:{width}}  {row['precision']:9.4f}  {row['recall']:6.4f}  {row['f1']:6.4f}  {row['support']:7.0f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
