# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""A trained model on a rendered conversation that it was not trained on, and where it looked."""

import json
from pathlib import Path

from modeling_amuse.processing.controlled.controlled_corpus import MODALITIES
from modeling_amuse.scripts.recognition.recognition import recognize_files
from modeling_amuse.scripts.recognition.recognition_arguments import RecognitionArguments
from modeling_amuse.scripts.study.controlled_evidence import pointed, read_evidence, recognize_split, score


def show_demonstration(model: Path, data_dir: Path, output_dir: Path, number: int, cache_dir: str | None = None) -> int:
    """
    Recognize a recording of the rendered corpus's test split, and print what was meant beside what was recognized.

    Args:
        model: folder of the model.
        data_dir: the rendered corpus, with its feature tables in `features`.
        output_dir: folder for the timeline and its picture.
        number: which conversation of the test split.

    Returns:
        The exit status of the recognition.

    Raises:
        ValueError: when there is no conversation of that number.
    """
    lines = (data_dir / "test.jsonl").read_text(encoding="utf-8").splitlines()
    if not 0 <= number < len(lines):
        raise ValueError(f"--number {number}: the test split has the conversations 0 to {len(lines) - 1}.")
    conversation = json.loads(lines[number])
    output_dir.mkdir(parents=True, exist_ok=True)

    # what a user has: an mp4 file, and who said what when
    recording = data_dir / conversation["utterances"][0]["video"]
    transcript = output_dir / f"{conversation['id']}-transcript.json"
    words = [{key: u[key] for key in ("speaker", "text", "start", "end")} for u in conversation["utterances"]]
    transcript.write_text(json.dumps({"utterances": words}, indent=1), encoding="utf-8")
    timeline = output_dir / f"{conversation['id']}.json"
    status = recognize_files(
        RecognitionArguments(
            [str(recording)],
            model=str(model),
            transcript=str(transcript),
            output=[str(timeline)],
            picture=str(timeline.with_suffix(".png")),
        )
    )
    if status:
        return status
    recognized = json.loads(timeline.read_text(encoding="utf-8"))["utterances"]
    print(f"\n{conversation['id']}: what was meant, where it showed, and what was recognized\n")
    print(compare(conversation["utterances"], recognized))
    print(f"\n{describe_test_split(model, data_dir, cache_dir)}")
    return 0


def describe_test_split(model: Path, data_dir: Path, cache_dir: str | None) -> str:
    """The scores of the test split, and the shares of the fusion by where the emotion shows."""
    truth = read_evidence(data_dir, "test")
    scores = score(truth, recognize_split(model, str(data_dir), data_dir / "features", "test", cache_dir))
    lines = [
        f"Test split: accuracy {scores['accuracy']:.3f}, weighted F1 {scores['weighted_f1']:.3f}; a perfect model scores 1.",
        "Where the model looked when the emotion showed in one modality alone (mean shares of the fusion):",
        "",
        f"{'shown in':10} {'text':>6} {'audio':>6} {'vision':>6}   largest share there",
    ]
    for modality in MODALITIES:
        row = scores["shares"][modality]
        means = " ".join(f"{row['means'][m]:6.2f}" for m in MODALITIES)
        lines.append(f"{modality:10} {means}   {pointed([row])}")
    return "\n".join([*lines, f"{'all':31}   {pointed([scores['shares']['all']])}"])


def compare(annotated: list[dict], recognized: list[dict]) -> str:
    """For each utterance its emotion, the modalities that show it, the recognized emotion and the fusion's shares."""
    lines = [f"{'speaker':12} {'emotion':9} {'shown in':20} {'recognized':10} shares of text, audio, vision"]
    for utterance, result in zip(annotated, recognized, strict=True):
        shares = "  ".join(f"{result['shares'][modality]:.2f}" for modality in MODALITIES)
        right = " " if result["emotion"] == utterance["emotion"] else "x"
        shown = ", ".join(utterance["evidence"]) or "-"
        lines.append(
            f"{utterance['speaker']:12} {utterance['emotion']:9} {shown:20} {result['emotion']:10} {shares} {right}"
        )
    return "\n".join(lines)
