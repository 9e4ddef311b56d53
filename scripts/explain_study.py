# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Measure whether explanations are faithful: whether what they name is what the model used.

    amuse explain-study words --model amuse-meld --dataset_name meld --data_dir MELD
    amuse explain-study controlled --model amuse-sample --data_dir amuse-sample-data

`words`: how much the probability of the recognized emotion falls when the words with the highest scores are taken out
(comprehensiveness), or when they alone are kept (sufficiency), for integrated gradients, LIME, attention weights and a random
order; and the rank correlation of the scores with those of a model with random weights, which should be near 0.
`controlled`: how often the word, the modality and the action of the face with the highest score is one that shows the emotion, on
the controlled corpus, where this is known.
"""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.command.options import OptionParser
from modeling_amuse.scripts.command.process import prepare_process
from modeling_amuse.scripts.study.explanation_arguments import ControlledArguments, WordsArguments

SUBCOMMANDS = {"words": WordsArguments, "controlled": ControlledArguments}
"""The options of each study."""


def main(arguments: list[str] | None = None) -> dict:
    """Returns the report."""
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in ("-h", "--help"):
        print(__doc__.strip())
        for study, options in SUBCOMMANDS.items():
            print("\n" + OptionParser(options, prog=f"explain_study.py {study}").format_help().strip())
        return {}
    if name not in SUBCOMMANDS:
        raise WrongArguments(f"there is no study {name!r}: choose from {', '.join(SUBCOMMANDS)}.")
    [args] = OptionParser(SUBCOMMANDS[name], description=__doc__, prog=f"explain_study.py {name}").read(rest)
    prepare_process(args.num_threads)
    from modeling_amuse.scripts.study import explanation_study

    return explanation_study.study_words(args) if name == "words" else explanation_study.study_controlled(args)
