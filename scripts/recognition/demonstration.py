# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Showing a trained model on a rendered test conversation, with the shares of the modalities."""

import json
from pathlib import Path

from modeling_amuse.processing.controlled.controlled_corpus import MODALITIES
from modeling_amuse.processing.json_files import write_json
from modeling_amuse.processing.plain_json import read_json_object
from modeling_amuse.scripts.recognition.recognition import recognize_files
from modeling_amuse.scripts.recognition.recognition_arguments import RecognitionArguments
from modeling_amuse.scripts.study.controlled_evidence import pointed, read_evidence, recognize_split, score


def show_demonstration(model: Path, data_dir: Path, output_dir: Path, number: int, cache_dir: str | None = None) -> int:
    """
    Recognize a recording of the rendered corpus's test split, print the true beside the recognized emotions, and write a report.

    Args:
        model: the folder of the model.
        data_dir: the folder of the rendered corpus, with its feature tables in `features`.
        output_dir: the folder for the timeline, its picture and the report.
        number: the number of the conversation in the test split.
        cache_dir: the folder for prepared data.

    Returns:
        The exit status of the recognition.

    Raises:
        ValueError: when there is no conversation of that number.
    """
    lines = (data_dir / "test.jsonl").read_text(encoding="utf-8").splitlines()
    if not 0 <= number < len(lines):
        raise ValueError(f"--number is {number}: give the number of a test conversation, 0 to {len(lines) - 1}.")
    conversation = json.loads(lines[number])
    output_dir.mkdir(parents=True, exist_ok=True)

    # the same input as a user's: an mp4 file and a transcript
    recording = data_dir / conversation["utterances"][0]["video"]
    transcript = output_dir / f"{conversation['id']}-transcript.json"
    words = [{key: u[key] for key in ("speaker", "text", "start", "end")} for u in conversation["utterances"]]
    write_json({"utterances": words}, transcript)
    timeline, report = (output_dir / f"{conversation['id']}.{suffix}" for suffix in ("json", "html"))
    status = recognize_files(
        RecognitionArguments(
            [str(recording)],
            model=str(model),
            transcript=str(transcript),
            output=[str(timeline)],
            picture=str(timeline.with_suffix(".png")),
            report=str(report),
        )
    )
    if status:
        return status
    recognized = read_json_object(timeline)["utterances"]
    print(f"\n{conversation['id']}: true emotion, modalities that show it, and recognized emotion\n")
    print(compare(conversation["utterances"], recognized))
    print(f"\n{describe_test_split(model, data_dir, cache_dir)}")
    print(
        f"\nThe report of this conversation is {report}. Open it with a double click, or in a browser at "
        f"{report.resolve().as_uri()}; it plays the recording, and says for each utterance what was recognized, how surely and why."
    )
    return 0


def name_training_data(model: Path):
    """Name the made-up corpus in the model's configuration, so that whatever uses the model can warn of it."""
    path = model / "config.json"
    config = read_json_object(path)
    if config.get("training_data") != "sample":
        write_json({**config, "training_data": "sample"}, path, indent=2, sort_keys=True, ensure_ascii=False)


def describe_test_split(model: Path, data_dir: Path, cache_dir: str | None) -> str:
    """A text with the scores of the test split, and the shares of the modalities by the modality that shows the emotion."""
    truth = read_evidence(data_dir, "test")
    scores = score(truth, recognize_split(model, str(data_dir), data_dir / "features", "test", cache_dir))
    lines = [
        f"Test split: accuracy {scores['accuracy']:.3f}, weighted F1 {scores['weighted_f1']:.3f}; a perfect model scores 1.",
        "Mean shares of the fusion for utterances whose emotion shows in only one modality:",
        "",
        f"{'shown in':10} {'text':>6} {'audio':>6} {'vision':>6}   largest share there",
    ]
    for modality in MODALITIES:
        row = scores["shares"][modality]
        means = " ".join(f"{row['means'][m]:6.2f}" for m in MODALITIES)
        lines.append(f"{modality:10} {means}   {pointed([row])}")
    return "\n".join([*lines, f"{'all':31}   {pointed([scores['shares']['all']])}"])


def compare(annotated: list[dict], recognized: list[dict]) -> str:
    """A table with each utterance's emotion, the modalities that show it, the recognized emotion and the fusion's shares."""
    lines = [f"{'speaker':12} {'emotion':9} {'shown in':20} {'recognized':10} shares of text, audio, vision"]
    for utterance, result in zip(annotated, recognized, strict=True):
        shares = "  ".join(f"{result['shares'][modality]:.2f}" for modality in MODALITIES)
        right = " " if result["emotion"] == utterance["emotion"] else "x"
        shown = ", ".join(utterance["evidence"]) or "-"
        lines.append(
            f"{utterance['speaker']:12} {utterance['emotion']:9} {shown:20} {result['emotion']:10} {shares} {right}"
        )
    return "\n".join(lines)
