"""
Bad input: for a missing or damaged file, a wrong choice and a number out of range, each command prints one line.

The commands and their options are read from scripts/*.py: a new command or a new option that is not described here fails
`test_every_option_is_described`.
"""

import importlib
import json
import pickle
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from modeling_amuse.scripts import amuse
from modeling_amuse.scripts.command.options import OptionParser
from modeling_amuse.scripts.command.ranges import Range
from tests.scripts.test_commands import FILES, ask, subcommands
from tests.small_media import write_audio
from tests.small_models import with_experts

COMMANDS = [(file, *subcommand) for file in FILES for subcommand in [(name,) for name in subcommands(file)] or [()]]
"""The file of each command, or, if it has subcommands, the file and each subcommand."""

DATA_FILES = ("data_file", "train_file", "validation_file", "test_file")
FEATURES = ("text_features", "audio_features", "vision_features", "background_features")
READ = {
    *DATA_FILES,
    *FEATURES,
    *("data_dir", "extra_data", "soft_labels", "groups", "parts", "recipe", "resume_from_checkpoint"),
    *("model", "text_model", "audio_model", "vision_model", "speech_model"),
    *("inputs", "input", "transcript", "transcript_text", "known_speakers", "recording"),
    *("cross_validation", "features", "features_dir", "results", "studies", "study", "emotionlines", "ecf", "against"),
    "explained_dir",
}
"""Options that name files, folders or models to read."""
WRITTEN = {
    "output",
    "output_dir",
    "results_dir",
    "cache_dir",
    "predictions",
    "picture",
    "report",
    "descriptors",
    "dry_run",
    "keep_runs",
}
"""Options that name files or folders to write."""
WORDS = {
    *("dataset_name", "dataset_config", "dataset_revision", "conversation_column", "speaker_column", "text_column"),
    *("label_column", "order_column", "id_column", "id_pattern", "emotion_map", "emotions", "group_column", "corpus"),
    *("split", "score_without", "language", "hub_model_id", "energy_country", "repo_id", "revision_tag", "license"),
    *("data", "variants", "set", "modalities", "subsets", "target"),
}
"""Other options whose values are words."""

NOT_READ = {
    ("convert_features", "parts"),  # it names parts of the file
    ("explain_study", "features_dir"),  # the model of this test has only text
    ("demo", "data_dir"),  # the command writes both
    ("demo", "model"),
    # The name of an encoder is compared with the record of the feature table, whose absence is reported first.
    *(
        (file, f"{modality}_model")
        for file in ("train", "cross_validate", "distil")
        for modality in ("audio", "vision")
    ),
    *(("distil", option) for option in FEATURES),  # a distillation does not accept them
    ("cross_validate", "resume_from_checkpoint"),  # each fold is resumed separately
    ("distil", "resume_from_checkpoint"),
    ("cross_validate", "validation_file"),  # a data set that has splits is not cross-validated
    ("cross_validate", "test_file"),
}

WORDS_OF_TALK = {"Ada": "What was that noise?", "Ben": "Only the cat."}
NOT_OPENED = {(file, "test_file") for file in ("train", "distil", "calibrate", "contributions")}
"""Files that must exist, but whose contents these commands do not read."""


def talk(name: str) -> dict:
    """A conversation of two utterances."""
    utterances = [
        {"id": f"{name}-{speaker}", "speaker": speaker, "text": text, "emotion": emotion, "evidence": ["text"]}
        for (speaker, text), emotion in zip(WORDS_OF_TALK.items(), ("joy", "anger"), strict=True)
    ]
    return {"id": name, "utterances": utterances}


DAMAGED = {
    ".csv": b"utterance_id\n\x00\xff,1\n",
    ".jsonl": b'{"id": 1,\n',
    ".json": b'{"a": [1,',
    ".yaml": b"fusion: [gate\nseed: 3",
    ".parquet": b"no Parquet file",
    ".pkl": b"no pickle",
    ".srt": b"\xff\x00\x01",
    ".wav": b"\x00" * 60,
}
ENDINGS = {
    **dict.fromkeys(DATA_FILES, ".jsonl"),
    **dict.fromkeys(FEATURES, ".parquet"),
    **{"soft_labels": ".csv", "groups": ".csv", "parts": ".csv", "recipe": ".yaml", "study": ".yaml"},
    **{"inputs": ".json", "input": ".pkl", "transcript": ".srt", "recording": ".wav", "results": ".json"},
    **{"emotionlines": ".json", "ecf": ".json"},
}
"""The suffix of the file of each option that reads a table, text or a recording."""


class _Stop(Exception):
    """Raised when a command reads its arguments."""


def parser_of(command: tuple[str, ...]) -> OptionParser:
    """The parser of a command's arguments."""
    parsers = []

    def stop(parser, arguments=None):
        parsers.append(parser)
        raise _Stop

    with pytest.MonkeyPatch.context() as patch, pytest.raises(_Stop):
        patch.setattr(OptionParser, "read", stop)
        importlib.import_module(f"modeling_amuse.scripts.{command[0]}").main(list(command[1:]))
    return parsers[0]


PARSERS = {command: parser_of(command) for command in COMMANDS}
OPTIONS = {
    command: [option for option in parser._actions if option.dest != "help"] for command, parser in PARSERS.items()
}


def test_every_option_is_described():
    for command, options in OPTIONS.items():
        for option in options:
            if option.type is str and not option.choices:
                assert option.dest in READ | WRITTEN | WORDS, (
                    f"{' '.join(command)}: is --{option.dest} read or written?"
                )
    assert not (READ & WRITTEN or READ & WORDS or WRITTEN & WORDS)


def reading_options(names=READ, without=NOT_READ) -> list[tuple]:
    """Each command with each of its options that is in `names`, except the pairs in `without`."""
    return [
        pytest.param(command, option.dest, id=f"{'-'.join(command)}-{option.dest}")
        for command, options in OPTIONS.items()
        for option in options
        if option.dest in names and (command[0], option.dest) not in without
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Valid input: a model with experts, a corpus with three splits, a corpus with one split, and a recording."""
    folder = tmp_path_factory.mktemp("right")
    for name, splits in (("data", ("train", "validation", "test")), ("whole", ("train",))):
        (folder / name).mkdir()
        for split in splits:
            lines = [json.dumps(talk(f"{split}{number}")) for number in range(6)]
            (folder / name / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    heard = talk("heard") | {"utterances": [{**u, "audio": "../alone.wav"} for u in talk("heard")["utterances"]]}
    (folder / "sounds").mkdir()
    (folder / "sounds" / "train.jsonl").write_text(json.dumps(heard) + "\n", encoding="utf-8")
    write_audio(folder / "alone.wav", np.zeros(16000, dtype=np.float32))
    write_audio(folder / "spoken.wav", np.zeros(16000, dtype=np.float32))
    (folder / "spoken.csv").write_text("speaker,text,start,end\nAda,Hm?,0.1,0.9\n", encoding="utf-8")
    said = [{"speaker": "Ada", "utterance": "Hm?", "emotion": "joy", "annotation": "0000500"}]
    rows = [f"train{number}-{speaker},{number}" for number in range(6) for speaker in WORDS_OF_TALK]
    (folder / "groups.csv").write_text("\n".join(["utterance_id,scene", *rows]), encoding="utf-8")
    (folder / "friends.json").write_text(json.dumps([said]), encoding="utf-8")
    (folder / "features.pkl").write_bytes(pickle.dumps({"audio": {0: np.zeros((2, 30)), 1: np.zeros((3, 30))}}))
    config, tokenizer = small_text_encoder(list(WORDS_OF_TALK.values()), 300)
    labels = {"id2label": {0: "joy", 1: "anger"}, "label2id": {"joy": 0, "anger": 1}}
    sizes = {"hidden_size": 16, "num_man_layers": 1}
    model = AmuseForEmotionRecognition(AmuseConfig(text_config=config, experts="constant", **sizes, **labels))
    with_experts(model).save_pretrained(folder / "model")
    AmuseProcessor(tokenizer, emotions=["joy", "anger"]).save_pretrained(folder / "model")
    return folder


def right_arguments(command: tuple[str, ...], option: str, folder: Path) -> dict[str, str]:
    """Valid arguments with which a command reads `option`."""
    cache = {"cache_dir": str(folder / "cache")}
    data, whole, sounds = (
        {"dataset_name": "folder", "data_dir": str(folder / name), **cache} for name in ("data", "whole", "sounds")
    )
    whole |= {"folds_by": "conversation", "num_folds": "3"}
    if option in DATA_FILES:
        data = whole = sounds = cache
    model, out = {"model": str(folder / "model")}, {"output_dir": str(folder / "out")}
    training = {"preset": "small", "num_train_epochs": "1", "use_cpu": "true", **out}
    spoken = {"recording": str(folder / "spoken.wav"), "transcript": str(folder / "spoken.csv")}
    if command == ("explain_study", "words"):
        return {**data, **model}
    return {
        "train": {**data, **training},
        "cross_validate": {**(data if option == "groups" else whole), **training},
        "distil": {**data, **training, "groups": str(folder / "groups.csv")},
        "evaluate": {**data, **model, "pictures": "false"},
        "calibrate": {**data, **model},
        "contributions": {} if option == "cross_validation" else {**data, **model},
        "quantize": {**data, **model, **out},
        "audit_data": data,
        "extract_features": {**sounds, **out} | ({} if option.endswith("_model") else {"extractors": "prosody"}),
        "export_onnx": {**model, **out},
        "push_to_hub": {**model, "repo_id": "user/name", "dry_run": str(folder / "dry")},
        "push_dataset_to_hub": {"dataset_name": "meld", "repo_id": "user/name", "dry_run": str(folder / "dry")},
        "prepare_meld_extras": {**out, "data_dir": "data"}
        | ({"emotionlines": str(folder / "friends.json")} if option == "data_dir" else {}),
        "controlled_study": {"data_dir": str(folder / "data"), **out},
        "convert_features": {"input": str(folder / "features.pkl"), "parts": "audio=audio", "dataset_name": "meld"},
        "run_study": {"study": "sample", "trial": "true", "seeds": "1", **out},
        "recognize": {**model, "inputs": str(folder / ("alone.wav" if option == "speech_model" else "spoken.wav"))},
        "benchmark": {
            **{key: {**model, **spoken} for key in ("recording", "transcript", "speech_model")},
            "audio_model": {"data_dir": str(folder)},
        }.get(option, {}),
        "explain_study": {**model, "data_dir": str(folder / "data")},
    }.get(command[0], {})


def answer(command: tuple[str, ...], arguments: dict[str, str], capsys) -> tuple[int, list[str]]:
    """The exit status of a command, and the lines that it prints about an error."""
    file, *words = command
    for name, value in arguments.items():
        words += [value] if name in ("inputs", "input", "study") else [f"--{name}", value]
    capsys.readouterr()
    try:
        status = amuse.run(file, f"amuse {file}", words)
    except SystemExit as stopped:
        status = stopped.code
    said = capsys.readouterr().err.replace("\r", "\n").splitlines()
    return status, [line for line in said if line.startswith((f"amuse {file}: ", *arguments.values(), "Traceback"))]


@pytest.mark.parametrize(("command", "option"), reading_options())
def test_a_missing_file_is_one_line_that_names_it(command, option, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    missing = f"nowhere{ENDINGS.get(option, '')}" if option != "studies" else "no/where"
    status, lines = answer(command, {**right_arguments(command, option, folder), option: missing}, capsys)
    assert status == 1 and len(lines) == 1 and missing in lines[0], lines
    assert not list(tmp_path.iterdir())


@pytest.fixture(autouse=True)
def quantization_package(monkeypatch):
    """Replaces torchao, which is not needed to find that a file is missing."""
    settings = SimpleNamespace(Int8WeightOnlyConfig=lambda: None)
    monkeypatch.setattr("modeling_amuse.scripts.export.quantization.import_extra", lambda *_: settings)


@pytest.mark.parametrize(("command", "option"), reading_options(ENDINGS, NOT_READ | NOT_OPENED))
def test_a_damaged_file_is_one_line_that_names_it(command, option, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    damaged = Path(f"damaged{ENDINGS[option]}")
    damaged.write_bytes(DAMAGED[damaged.suffix])
    status, lines = answer(command, {**right_arguments(command, option, folder), option: str(damaged)}, capsys)
    assert status == 1 and len(lines) == 1 and str(damaged) in lines[0], lines
    assert list(tmp_path.iterdir()) == [tmp_path / damaged]


def test_a_wrong_choice_is_one_line_that_lists_the_choices(tmp_path):
    runs = [
        (command[0], f"amuse {command[0]}", [*command[1:], option.option_strings[0], "melt"])
        for command, options in OPTIONS.items()
        for option in options
        if option.choices or option.dest == "dataset_name"
    ]
    # for a conversion, the name of the data set is checked after the file is read, because it has no fixed list
    runs = [run for run in runs if run[0] != "convert_features"]
    assert {run[0] for run in runs} > {"train", "evaluate", "recognize", "push_dataset_to_hub", "export_onnx"}
    for (file, _, words), (status, printed, said) in zip(runs, ask(runs, tmp_path), strict=True):
        assert status == 2 and printed == "" and said.count("\n") == 1, (file, words)
        assert words[-2] in said and "choose from" in said and "melt" in said, (file, words)


def outside(allowed: Range) -> list[float]:
    """Numbers just outside a range."""
    ends = ((allowed.least, -1), (allowed.above, 0), (allowed.most, 1), (allowed.below, 0))
    return [end + step for end, step in ends if end is not None]


def test_a_number_out_of_range_is_one_line_that_says_the_range(tmp_path):
    runs, expected = [], []
    for (file, *words), parser in PARSERS.items():
        options = {option.dest: option for option in OPTIONS[(file, *words)]}
        required = [word for option in options.values() if option.required for word in filler(option)]
        for item in (item for group in parser.groups for item in fields(group) if "range" in item.metadata):
            for number in outside(item.metadata["range"]):
                runs.append((file, f"amuse {file}", [*words, *required, f"--{item.name}={number}"]))
                expected.append(f"amuse {file}: --{item.name} must be {item.metadata['range']}, but is ")
    assert len(runs) > 100
    for (_, program, _), begin, (status, printed, said) in zip(runs, expected, ask(runs, tmp_path), strict=True):
        assert status == 2 and printed == "" and said.startswith(begin) and said.count("\n") == 1, (program, said)


def filler(option) -> list[str]:
    """A value for a required option."""
    word = next(iter(option.choices)) if option.choices else "x"
    return [option.option_strings[0], word] if option.option_strings else [word]
