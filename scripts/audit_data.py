# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Check the recordings of a data set before training on them.

    amuse audit --dataset_name meld --data_dir MELD --output audit.json

Finds, for each split, utterances whose recordings are missing, corrupt, empty, too long, overlapping or duplicates. Prints a
summary and writes the complete list as JSON.
"""

import runpy
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.options import read_options
from modeling_amuse.scripts.command.ranges import AT_LEAST_ONE, AT_LEAST_ZERO, POSITIVE
from modeling_amuse.scripts.training.data_arguments import DataSetArguments


@dataclass
class AuditArguments(DataSetArguments):
    """Options of the audit."""

    output: str | None = field(default=None, metadata={"help": "JSON file for all findings."})
    longest: float = field(
        default=60.0, metadata={"help": "Longest plausible utterance in seconds.", "range": POSITIVE}
    )
    num_processes: int = field(
        default=2, metadata={"help": "Number of files that are read at the same time.", "range": AT_LEAST_ONE}
    )
    first: int = field(
        default=10, metadata={"help": "Number of findings of each kind that are printed.", "range": AT_LEAST_ZERO}
    )
    strict: bool = field(default=False, metadata={"help": "Exit with status 1 if there are findings."})


def main(arguments: list[str] | None = None) -> dict:
    [args] = read_options(arguments, AuditArguments, description=__doc__)
    from modeling_amuse.processing.corpora.load_conversations import load_conversations
    from modeling_amuse.processing.corpora.media_audit import audit_media, describe_audit, number_of_findings
    from modeling_amuse.processing.json_files import write_json
    from modeling_amuse.processing.whole_files import check_output

    check_output(args.output)
    data = load_conversations(args.dataset_name, args.data_dir, args.cache_dir, options=args.options())
    print(data.describe())
    report = audit_media(data.splits, args.longest, args.num_processes)
    print(f"\n{describe_audit(report, args.first)}")
    if args.output is not None:
        write_json(report, Path(args.output))
        print(f"\nWritten to {Path(args.output)}")
    if args.strict and number_of_findings(report):
        raise SystemExit(1)
    return report
