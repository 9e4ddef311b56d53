# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
AMuSE recognizes the emotion of each utterance of a conversation, from text, voice and video.

    amuse recognize talk.mp4 --transcript talk.srt --model amuse-sample
    amuse train --dataset_name sample --output_dir amuse-words
    amuse train --help
"""

import difflib
import importlib
import os
import sys
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

COMMANDS = {
    "recognize": ("recognize", "Recognize the emotions of recordings or transcripts."),
    "train": ("train", "Train a model on conversations."),
    "evaluate": ("evaluate", "Score a trained model on a split of a data set."),
    "cross-validate": ("cross_validate", "Train and score by a cross-validation over speakers."),
    "distil": ("distil", "Train one model on what several models predict."),
    "contributions": ("contributions", "Check the contributions of a trained model's experts on a split."),
    "calibrate": ("calibrate", "Fit the temperature of a trained model on the validation split."),
    "extract": ("extract_features", "Compute the features of a data set's recordings once, for training."),
    "prepare-meld-extras": (
        "prepare_meld_extras",
        "Prepare annotators' votes and additional conversations for training on MELD.",
    ),
    "convert": ("convert_features", "Convert the feature files of other projects to feature tables."),
    "audit": ("audit_data", "Find missing and damaged recordings in a data set."),
    "study": ("run_study", "Compare variants of the model over several seeds."),
    "explain-study": ("explain_study", "Measure whether explanations are faithful to the model."),
    "export": ("export_onnx", "Export a trained model to ONNX."),
    "quantize": ("quantize", "Store the weights of a trained model in eight bits."),
    "push": ("push_to_hub", "Upload a trained model to the Hugging Face Hub."),
    "push-dataset": ("push_dataset_to_hub", "Upload feature tables to the Hugging Face Hub."),
    "page": ("page", "Start a web page that shows the predictions of a trained model."),
    "demo": ("demo", "Render a small corpus, train on it, and recognize one of its conversations."),
}
"""For each command its file in this folder, and a description."""

SCRIPTS = Path(__file__).resolve().parent
ROOT = SCRIPTS.parent
# In a wheel, scripts/ lies inside modeling_amuse/; in a clone, beside it.
PACKAGE = ROOT if (ROOT / "__init__.py").is_file() else ROOT / "modeling_amuse"


class UnloadedPackage(ModuleType):
    """
    `modeling_amuse` before its `__init__.py` has run. Its submodules can be imported, among them the options of the
    commands, which import only the standard library. The first access to a name of the package itself, as in
    `from modeling_amuse import AmuseModel`, runs `__init__.py`, which imports torch and registers the model.
    """

    def __getattr__(self, name: str):  # called for names that are not defined yet
        if name.startswith("__") and name not in ("__all__", "__version__"):
            raise AttributeError(name)  # libraries look for such names in any module
        self.__class__ = ModuleType
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def provide_package():
    """Make the `modeling_amuse` of this file's tree importable, even if it is not installed, without loading it."""
    # `python scripts/train.py` puts this folder on the path, where evaluate.py would hide the library `evaluate`
    sys.path[:] = [folder for folder in sys.path if not folder or Path(folder).resolve() != SCRIPTS]
    if "modeling_amuse" in sys.modules:
        return
    folders = list(dict.fromkeys([str(PACKAGE), str(ROOT)]))
    spec = spec_from_file_location("modeling_amuse", PACKAGE / "__init__.py", submodule_search_locations=folders)
    package = module_from_spec(spec)
    package.__class__ = UnloadedPackage
    sys.modules["modeling_amuse"] = package


def main(arguments: list[str] | None = None) -> int:
    """Run the command that the arguments name. Returns the exit status."""
    command, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if command in ("-h", "--help"):
        print(help_text())
        return 0
    if command == "--version":
        from modeling_amuse.scripts.command.process import package_version

        print(package_version())
        return 0
    if command not in COMMANDS:
        close = difflib.get_close_matches(command, COMMANDS, 1)
        hint = f"did you mean {close[0]}?" if close else f"choose from {', '.join(COMMANDS)}."
        print(f"amuse: there is no command {command!r}; {hint}", file=sys.stderr)
        return 2
    return run(COMMANDS[command][0], f"amuse {command}", rest)


def help_text() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {sentence}" for name, (_, sentence) in COMMANDS.items()]
    return "\n".join([__doc__.strip("\n"), "", "commands:", *lines])


def run(file: str, program: str, arguments: list[str]) -> int:
    """
    Run the `main` of a command.

    Args:
        file: the command's file in scripts/, without suffix.
        program: the command's name in messages.
        arguments: the arguments of the command.

    Returns:
        The exit status. An error of the user is one line on stderr: 2 for wrong arguments, 1 for everything else. Any
        other error is a defect of this program, and is raised.
    """
    from modeling_amuse.scripts.command.plain_output import printable_output

    sys.argv = [program, *arguments]  # argparse takes the program's name from here
    with printable_output():
        return _status(file, program, arguments)


def _status(file: str, program: str, arguments: list[str]) -> int:
    from modeling_amuse.scripts.command.errors import WrongArguments, is_first_process, is_of_user, one_line

    try:
        result = importlib.import_module(f"modeling_amuse.scripts.{file}").main(arguments)
        return result if type(result) is int else 0
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # as in `amuse evaluate ... | head`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  Python flushes it when it ends
        return 1
    except Exception as error:
        if not is_of_user(error):
            raise
        if "--debug" in arguments:
            traceback.print_exc()
        wrong_arguments = isinstance(error, WrongArguments)
        # wrong arguments occur in every process of a launch: only the first one reports them
        if not wrong_arguments or is_first_process():
            print(f"{program}: {one_line(error)}", file=sys.stderr)
        return 2 if wrong_arguments else 1


provide_package()  # also in processes that multiprocessing spawns, which run this file under another name

if __name__ == "__main__":
    # `python scripts/train.py` runs this file with the path of that file as `command_file`
    _file = globals().get("command_file")
    sys.exit(main() if _file is None else run(Path(_file).stem, Path(_file).name, sys.argv[1:]))
