# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Prepare additional training data for MELD: the annotators' votes of EmotionLines, and conversations of ECF.

    amuse prepare-meld-extras --data_dir MELD --emotionlines friends.json --ecf Subtask_2_test.json --output_dir extras
    amuse train --recipe meld --dataset_name meld --data_dir MELD --text_model sentence-transformers/all-mpnet-base-v2 \
        --soft_labels extras/train_votes.csv --extra_data extras/ecf --output_dir amuse-meld

Get friends.json from https://github.com/bshmueli/EmotionX-2019 (EmotionLines, research use; friends_train.json,
friends_dev.json and friends_test.json of its first release have the same contents), and Subtask_2_test.json from
https://github.com/NUSTM/SemEval-2024_ECAC (ECF 2.0, GPL-3.0). Votes are written only for the training split. parts.csv says
for each utterance whether the votes agree with MELD's label, for reports with --parts. Conversations of ECF that occur in
MELD are left out.
"""

import runpy
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.command.options import read_options


@dataclass
class ExtrasArguments:
    """Files to read and to write."""

    data_dir: str = field(metadata={"help": "Folder with MELD's CSV files."})
    output_dir: str = field(metadata={"help": "Folder for train_votes.csv, parts.csv and ecf/train.jsonl."})
    emotionlines: list[str] | None = field(default=None, metadata={"help": "JSON files of EmotionLines."})
    ecf: list[str] | None = field(default=None, metadata={"help": "JSON files of ECF 2.0."})
    cache_dir: str | None = field(default=None, metadata={"help": "Folder for prepared data."})


def main(arguments: list[str] | None = None) -> list[Path]:
    """Returns the paths of the written files."""
    [args] = read_options(arguments, ExtrasArguments, description=__doc__)
    from modeling_amuse.scripts.training.meld_extras import write_conversations, write_parts, write_votes

    if not (args.emotionlines or args.ecf):
        raise WrongArguments("Give the files of EmotionLines (--emotionlines), of ECF (--ecf), or both.")
    output_dir, written = Path(args.output_dir), []
    works = ((args.emotionlines, write_votes), (args.emotionlines, write_parts), (args.ecf, write_conversations))
    for paths, write in works:
        if paths:
            written.append(write([Path(path) for path in paths], args.data_dir, output_dir, args.cache_dir))
            print(f"Written to {written[-1]}")
    return written
