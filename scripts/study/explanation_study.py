# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The study of explanations: which are faithful to the model, and which name what is known to show an emotion."""

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from scipy.stats import spearmanr
from tqdm.auto import tqdm

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.explanation import ExplanationOptions, explain_conversation
from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset, load_stream_tables
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.whole_files import whole_file
from modeling_amuse.scripts.study.controlled_evidence import TABLES, read_evidence
from modeling_amuse.scripts.study.controlled_explanations import drawn_units, score_explanations
from modeling_amuse.scripts.study.explanation_arguments import ControlledArguments, WordsArguments
from modeling_amuse.scripts.study.word_faithfulness import BINS, WordStudy, faithfulness
from modeling_amuse.scripts.training.model_loading import load_from_folder_or_hub

FEWEST_WORDS = 5
"""Rank correlations are those of utterances with so many words, or more."""


def study_words(args: WordsArguments) -> dict:
    """
    Compare the orders of words by `args.methods`, print and write the report.

    Returns:
        `methods`: for each its `comprehensiveness`, `sufficiency` and `aopc`; `sanity`: the rank correlation with the scores
        of a model with random weights; `num_utterances`.

    Raises:
        FileNotFoundError: when model or data are missing.
        ValueError: when the model does not read words, or not utterance by utterance.
    """
    model, processor = load(args.model)
    if "text" not in model.config.modalities or model.amuse.encoder("text") is None:
        raise ValueError(f"{args.model} does not read words: give a model with a text encoder.")
    if model.config.text_scope != "utterance":
        raise ValueError(
            f"{args.model} reads several utterances at once (text_scope={model.config.text_scope!r}): this study takes words out "
            "of one utterance at a time. Give a model with text_scope='utterance'."
        )
    splits = load_conversations(args.dataset_name, args.data_dir, args.cache_dir).splits
    if args.split not in splits:
        raise ValueError(f"The data set has no split {args.split!r}; it has {', '.join(splits)}.")
    dataset = ConversationDataset(splits[args.split], {})
    count = min(args.max_conversations or len(dataset), len(dataset))
    conversations = [dataset[number]["utterances"] for number in range(count)]
    torch.manual_seed(args.seed)
    random_model = AmuseForEmotionRecognition(model.config).eval()
    rows, correlations = [], []
    for number, utterances in enumerate(tqdm(conversations, desc="Conversations", disable=None)):
        study = WordStudy(model, processor, utterances, args.lime_samples, args.random_orders, args.seed + number)
        rows += faithfulness(study, args.methods)
        correlations += correlations_with(random_model, processor, utterances, study)
    methods = {
        method: {
            name: mean([row[name] for row in rows if row["method"] == method])
            for name in ("comprehensiveness", "sufficiency", "aopc")
        }
        for method in args.methods
    }
    report = {
        "split": args.split,
        "num_conversations": count,
        "num_utterances": len({row["utterance"] for row in rows}) if rows else 0,
        "methods": methods,
        "sanity": summary_of(correlations),
    }
    print(describe_words(report))
    write(report, args.output)
    return report


def correlations_with(random_model, processor, utterances: list[dict], study: WordStudy) -> list[dict]:
    """The rank correlation (Spearman's) of the trained and the random model's scores, for each utterance of enough words."""
    inputs = processor(utterances, return_labels=False)
    options = ExplanationOptions(window=0)
    others = explain_conversation(random_model, processor, utterances, inputs, options=options)
    found = []
    for own, other in zip(study.explanations, others, strict=True):
        if len(own["words"]) < FEWEST_WORDS:
            continue
        scores = [[word["score"] for word in explanation["words"]] for explanation in (own, other)]
        correlation = float(spearmanr(*scores).statistic)
        if correlation == correlation:  # constant scores have none
            found.append({"words": len(own["words"]), "correlation": correlation})
    return found


def summary_of(correlations: list[dict]) -> dict:
    """
    The mean correlation, the mean of its absolute values, and what the latter is for independent orders of as many words: for n
    words about `sqrt(2 / (pi * (n - 1)))`, the mean absolute value of a normal variable with Spearman's variance 1 / (n - 1).
    """
    values = torch.tensor([row["correlation"] for row in correlations], dtype=torch.float64)
    words = torch.tensor([row["words"] for row in correlations], dtype=torch.float64)
    return {
        "num_utterances": len(values),
        "mean_correlation": float(values.mean()),
        "mean_absolute_correlation": float(values.abs().mean()),
        "mean_absolute_if_independent": float((2 / (torch.pi * (words - 1))).sqrt().mean()),
    }


def describe_words(report: dict) -> str:
    """The report as Markdown."""
    lines = [
        f"{report['num_utterances']} utterances of at least 2 words, {report['num_conversations']} conversations, "
        f"{report['split']} split. Comprehensiveness and sufficiency: means over "
        f"{', '.join(f'{share:.0%}' for share in BINS)} of the words.",
        "",
        "| order of the words | comprehensiveness (high is good) | sufficiency (low is good) | area over the perturbation curve |",
        "| --- | --- | --- | --- |",
    ]
    for method, row in report["methods"].items():
        cells = " | ".join(f"{row[name]:.3f}" for name in ("comprehensiveness", "sufficiency", "aopc"))
        lines.append(f"| {method.replace('_', ' ')} | {cells} |")
    sanity = report["sanity"]
    lines += [
        "",
        f"Rank correlation with the scores of a model with random weights, {sanity['num_utterances']} utterances of at least "
        f"{FEWEST_WORDS} words: mean {sanity['mean_correlation']:+.3f}, mean of the absolute values "
        f"{sanity['mean_absolute_correlation']:.3f} (independent orders: {sanity['mean_absolute_if_independent']:.3f}).",
    ]
    return "\n".join(lines)


def study_controlled(args: ControlledArguments) -> dict:
    """
    Explain a split of the controlled corpus, print and write how often the explanations name what shows the emotion.

    Raises:
        FileNotFoundError, ValueError: when model or corpus are missing, or the folder holds another corpus.
    """
    model, processor = load(args.model)
    truth = read_evidence(Path(args.data_dir), args.split)
    explanations = list(controlled_explanations(args, args.split, model, processor))
    measured = drawn_units(
        processor, read_evidence(Path(args.data_dir), "train"), controlled_data(args, "train", model)
    )
    units = {action.unit for action in processor.face_actions(processor.feature_names("vision") or [])}
    report = {"split": args.split, **score_explanations(truth, explanations, measured, units)}
    print(describe_controlled(report))
    write(report, args.output)
    return report


def controlled_data(args: ControlledArguments, split: str, model) -> list[dict]:
    """The conversations of a split with their features."""
    features = Path(args.features_dir or Path(args.data_dir) / "features")
    splits = load_conversations("folder", args.data_dir, args.cache_dir).splits
    paths = {stream: str(features / name) for stream, name in TABLES.items() if stream in model.config.modalities}
    dataset = ConversationDataset(splits[split], load_stream_tables(paths, splits, [split])[split])
    return [dataset[number] for number in range(len(dataset))]


def controlled_explanations(args, split: str, model, processor) -> Iterator[dict]:
    for conversation in tqdm(controlled_data(args, split, model), desc="Conversations", disable=None):
        utterances = conversation["utterances"]
        yield from explain_conversation(model, processor, utterances, processor(utterances, return_labels=False))


def describe_controlled(report: dict) -> str:
    """The report as Markdown."""
    lines = [
        f"{report['num_recognized']} of {report['num_emotional']} emotional utterances of the {report['split']} split were "
        "recognized; these are explained.",
        "",
        "| the first ... | is one that shows the emotion | utterances | a random one would |",
        "| --- | --- | --- | --- |",
    ]
    for name, row in report["parts"].items():
        lines.append(f"| {name} | {row['right']:.1%} | {row['num_utterances']} | {row['by_chance']:.1%} |")
    return "\n".join(lines)


def load(name: str) -> tuple[AmuseForEmotionRecognition, AmuseProcessor]:
    return (
        load_from_folder_or_hub(AmuseForEmotionRecognition, name).eval(),
        load_from_folder_or_hub(AmuseProcessor, name),
    )


def mean(values: list[float]) -> float:
    return sum(values) / max(len(values), 1)


def write(report: dict, output: str | None):
    if output is not None:
        with whole_file(Path(output)) as file:
            file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
