# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Show a trained AMuSE on a rendered conversation that it was not trained on, and where it looked.

    python scripts/demo.py --model amuse-sample --data_dir amuse-sample-data --output_dir amuse-sample-timeline
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    # This script's own folder comes first on the path, where evaluate.py would hide the library of that name: put the
    # repository there, which also makes the packages importable that are not installed.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from transformers import HfArgumentParser

from modeling_amuse.processing.controlled.controlled_corpus import MODALITIES
from modeling_amuse.scripts import recognize
from modeling_amuse.scripts.study.controlled_evidence import pointed, read_evidence, recognize_split, score


@dataclass
class DemoArguments:
    """What is shown."""

    model: str = field(default="amuse-sample", metadata={"help": "Folder of the model."})
    data_dir: str = field(default="amuse-sample-data", metadata={"help": "The rendered corpus."})
    output_dir: str = field(default="amuse-sample-timeline", metadata={"help": "Folder for what is written."})
    number: int = field(default=0, metadata={"help": "Which conversation of the test split."})
    cache_dir: str | None = field(default=None, metadata={"help": "Where prepared data is kept."})


def main(arguments: list[str] | None = None):
    [args] = HfArgumentParser(DemoArguments, description=__doc__).parse_args_into_dataclasses(arguments)
    data_dir, output_dir = Path(args.data_dir), Path(args.output_dir)
    lines = (data_dir / "test.jsonl").read_text(encoding="utf-8").splitlines()
    if not 0 <= args.number < len(lines):
        raise ValueError(f"--number {args.number}: the test split has the conversations 0 to {len(lines) - 1}.")
    line = lines[args.number]
    output_dir.mkdir(parents=True, exist_ok=True)
    conversation = json.loads(line)

    # The recording as anybody has one: an mp4 file and who said what when.
    recording = data_dir / conversation["utterances"][0]["video"]
    transcript = output_dir / f"{conversation['id']}-transcript.json"
    words = [{key: u[key] for key in ("speaker", "text", "start", "end")} for u in conversation["utterances"]]
    transcript.write_text(json.dumps({"utterances": words}, indent=1), encoding="utf-8")
    timeline = output_dir / f"{conversation['id']}.json"
    status = recognize.main(
        [
            *(str(recording), "--transcript", str(transcript), "--model", args.model),
            *("--output", str(timeline), "--picture", str(timeline.with_suffix(".png"))),
        ]
    )
    if status:
        sys.exit(status)
    recognized = json.loads(timeline.read_text(encoding="utf-8"))["utterances"]
    print(f"\n{conversation['id']}: what was meant, where it showed, and what was recognized\n")
    print(compare(conversation["utterances"], recognized))

    truth = read_evidence(data_dir, "test")
    scores = score(
        truth, recognize_split(Path(args.model), args.data_dir, data_dir / "features", "test", args.cache_dir)
    )
    print(
        f"\nTest split: accuracy {scores['accuracy']:.3f}, weighted F1 {scores['weighted_f1']:.3f}; a perfect model scores 1."
    )
    print("Where the model looked when the emotion showed in one modality alone (mean shares of the fusion):\n")
    print(f"{'shown in':10} {'text':>6} {'audio':>6} {'vision':>6}   largest share there")
    for modality in MODALITIES:
        row = scores["shares"][modality]
        means = " ".join(f"{row['mean_shares'][m]:6.2f}" for m in MODALITIES)
        print(f"{modality:10} {means}   {pointed([row])}")
    print(f"{'all':31}   {pointed([scores['shares']['all']])}")


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


if __name__ == "__main__":
    main()
