"""scripts/train.py and scripts/evaluate.py, as users run them."""

import hashlib
import json
import random
import re
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from datasets import Dataset
from safetensors.torch import load_file, save_file

from modeling_amuse import AmuseForEmotionRecognition
from modeling_amuse.losses import AmuseMemoryBank
from modeling_amuse.processing.corpora.conversation_folder import SAMPLE_DIR
from modeling_amuse.processing.corpora.feature_tables import FeatureTable
from modeling_amuse.scripts import evaluate as evaluate_script
from modeling_amuse.scripts import train
from modeling_amuse.scripts.training import distribution
from modeling_amuse.scripts.training.model_building import build_model, fields_of_data
from modeling_amuse.scripts.training.training_arguments import DataArguments, ModelArguments
from modeling_amuse.scripts.training.training_checkpoint import latest_checkpoint
from modeling_amuse.scripts.training.training_data import load_training_data
from tests.forked_processes import environment, free_port, run, start
from tests.small_models import small_config

EXACT = ["--hidden_dropout", "0", "--modality_dropout", "0"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A folder with a few conversations of the sample corpus, and an audio table with gaps."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = ["utterance_id,pitch,energy"]
    for split, count in (("train", 11), ("validation", 4), ("test", 4)):
        lines = (SAMPLE_DIR / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()[:count]
        (folder / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
        for line in lines:
            for number, utterance in enumerate(json.loads(line)["utterances"]):
                if number != 2:
                    rows.append(f"{utterance['id']},{len(utterance['text'])},{'' if number == 3 else number}")
    (folder / "audio.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder


def trained(*arguments, **settings) -> str:
    """The output of a training, which must succeed."""
    result = run("train.py", *arguments, **settings)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def train_arguments(corpus, output_dir, *more) -> list:
    return [
        *("--dataset_name", "folder", "--data_dir", corpus, "--cache_dir", corpus.parent / "cache"),
        *("--output_dir", output_dir, "--hidden_size", 32, "--per_device_train_batch_size", 4, *more),
    ]


def weights(folder) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def digest(folder) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def test_train_and_evaluate(corpus, tmp_path):
    output = tmp_path / "amuse"
    audio = ("--audio_features", corpus / "audio.csv")
    printed = trained(*train_arguments(corpus, output, *audio, "--num_train_epochs", 2, "--modality_dropout", 0.3))
    assert "text, audio; " in printed and "epoch 2/2  train loss" in printed
    assert "empty cells, replaced by the training mean" in printed
    files = {path.name for path in output.iterdir()}
    assert {
        "config.json",
        "model.safetensors",
        "processor_config.json",
        "recipe.yaml",
        "tokenizer.json",
        "training_history.json",
    } <= files
    suffixes = {path.suffix for path in output.rglob("*") if path.is_file()}
    assert suffixes <= {".json", ".safetensors", ".yaml"}  # no pickle anywhere
    history = json.loads((output / "training_history.json").read_text())
    best = max(history["history"], key=lambda line: line["validation_weighted_f1"])
    assert history["best_epoch"] == best["epoch"]
    statistics = json.loads((output / "processor_config.json").read_text())["feature_statistics"]["audio"]
    ids = {
        u["id"] for line in (corpus / "train.jsonl").read_text().splitlines() for u in json.loads(line)["utterances"]
    }
    table = [line.split(",") for line in (corpus / "audio.csv").read_text().splitlines()[1:]]
    pitches = [float(pitch) for identifier, pitch, _ in table if identifier in ids]
    assert statistics["mean"][0] == pytest.approx(sum(pitches) / len(pitches))  # computed on the training split alone

    results = tmp_path / "scores" / "results.json"
    evaluation = ["--model", output, "--dataset_name", "folder", "--data_dir", corpus, "--output", results, *audio]
    result = run("evaluate.py", *evaluation, "--modality_subsets", "--num_resamples", 50)
    assert result.returncode == 0, result.stderr[-3000:]
    scores = json.loads(results.read_text())
    assert {"weighted_f1", "accuracy", "macro_f1", "per_class", "expected_calibration_error"} <= set(scores)
    assert list(scores["modality_subsets"]) == ["text+audio", "text", "audio"]
    assert scores["split"] == "test" and f"weighted F1 {scores['weighted_f1']:.4f}" in result.stdout
    pictures = [results.with_name(f"results_{name}.png") for name in ("confusion_matrix", "reliability")]
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)

    # the epoch was chosen by this score on the validation split
    run("evaluate.py", *evaluation, "--split", "validation", "--pictures", "False")
    assert json.loads(results.read_text())["weighted_f1"] == pytest.approx(history["best_weighted_f1"], abs=1e-9)

    again = run("train.py", *train_arguments(corpus, output))
    assert again.returncode != 0 and "--resume_from_checkpoint latest" in again.stderr
    other = run("train.py", *train_arguments(corpus, output, *audio, "--resume_from_checkpoint", "latest", "--seed", 1))
    assert other.returncode != 0 and "seed was 42, is 1" in other.stderr


@pytest.mark.parametrize("loss", ["bank", "none"])
def test_killed_three_times_and_resumed_it_ends_with_the_same_weights(corpus, tmp_path, loss):
    arguments = ["--audio_features", corpus / "audio.csv", "--modality_dropout", 0.2, "--contrastive_loss", loss]
    arguments += ["--num_train_epochs", 14, "--early_stopping_patience", 99]
    # short epochs of two steps
    arguments += ["--train_fraction", 0.4, "--per_device_train_batch_size", 2, "--num_man_layers", 1]
    arguments += ["--weight_averaging", 0.9] if loss == "none" else []
    # in this process, which has another hash seed than the processes below
    train.main([*map(str, train_arguments(corpus, tmp_path / "undisturbed", *arguments, "--use_cpu"))])
    undisturbed = history_without_times(tmp_path / "undisturbed")
    seconds = json.loads((tmp_path / "undisturbed" / "training_history.json").read_text())["history"][-1]["seconds"]

    resumed = train_arguments(corpus, tmp_path / "killed", *arguments, "--resume_from_checkpoint", "latest")
    generator = random.Random(seed := time.time_ns())
    print(f"moments of the kills drawn with the seed {seed}")  # shown when the test fails
    for _ in range(3):
        before = latest_checkpoint(tmp_path / "killed" / "checkpoints")
        process = start("train.py", resumed, tmp_path, environment())
        # a random moment after the first finished epoch: while the process computes, evaluates or writes
        while process.is_alive() and latest_checkpoint(tmp_path / "killed" / "checkpoints") == before:
            time.sleep(0.02)
        time.sleep(generator.uniform(0, 1.5 * seconds))
        assert process.is_alive()
        process.kill()
        process.join()
    trained(*resumed)
    assert digest(tmp_path / "killed") == digest(tmp_path / "undisturbed")
    assert history_without_times(tmp_path / "killed") == undisturbed


def history_without_times(folder) -> dict:
    history = json.loads((folder / "training_history.json").read_text())
    del history["runs"]  # it has an entry for each start
    for line in history["history"]:
        del line["seconds"]
    return history


def test_two_processes_train_what_one_trains(corpus, tmp_path):
    # 11 conversations in batches of 4: the last batch is uneven
    arguments = ["--num_train_epochs", 2, *EXACT, "--audio_features", corpus / "audio.csv"]
    one = train_arguments(corpus, tmp_path / "one", *arguments)
    printed_by_one = trained(*one)
    two = train_arguments(corpus, tmp_path / "two", *arguments)
    two[two.index("--per_device_train_batch_size") + 1] = 2
    printed_by_two = trained(*two, processes=2)
    accumulated = train_arguments(corpus, tmp_path / "steps", *arguments, "--gradient_accumulation_steps", 2)
    accumulated[accumulated.index("--per_device_train_batch_size") + 1] = 2
    trained(*accumulated)
    assert "1 process(es)" in printed_by_one and "2 process(es)" in printed_by_two
    expected = weights(tmp_path / "one")
    for name in ("two", "steps"):
        for key, tensor in weights(tmp_path / name).items():
            torch.testing.assert_close(tensor, expected[key], atol=2e-5, rtol=1e-3, msg=f"{name}: {key}")
    history = [
        json.loads((tmp_path / name / "training_history.json").read_text())["history"] for name in ("one", "two")
    ]
    for first, second in zip(*history, strict=True):
        assert first["train_loss"] == pytest.approx(second["train_loss"], rel=1e-4)
        assert first["validation_loss"] == pytest.approx(second["validation_loss"], rel=1e-4)


def test_two_processes_evaluate_what_one_evaluates(corpus, tmp_path):
    trained(*train_arguments(corpus, tmp_path / "model", "--num_train_epochs", 1))
    scores = {}
    for processes in (1, 2):
        output = tmp_path / f"{processes}.json"
        evaluation = [
            "--model",
            tmp_path / "model",
            "--dataset_name",
            "folder",
            "--data_dir",
            corpus,
            "--split",
            "train",
        ]
        result = run("evaluate.py", *evaluation, "--output", output, "--pictures", "False", processes=processes)
        assert result.returncode == 0, result.stderr[-3000:]
        scores[processes] = json.loads(output.read_text())
    assert scores[1]["num_utterances"] == scores[2]["num_utterances"] > 100
    for name in ("weighted_f1", "accuracy", "expected_calibration_error"):
        assert scores[2][name] == pytest.approx(scores[1][name], abs=1e-6)
    assert scores[2]["confusion_matrix"] == scores[1]["confusion_matrix"]
    assert scores[2]["weighted_f1_interval"] == pytest.approx(scores[1]["weighted_f1_interval"])


def test_a_frozen_encoder_runs_once(corpus, tmp_path, tiny_text_encoder):
    arguments = ["--text_model", tiny_text_encoder[0], "--freeze_text_model", "--num_train_epochs", 1]
    arguments = train_arguments(corpus, tmp_path / "frozen", *arguments)
    arguments[arguments.index("--cache_dir") + 1] = tmp_path / "cache"
    trained(*arguments)
    cached = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*generator*.arrow")}
    assert cached
    arguments[arguments.index("--output_dir") + 1] = tmp_path / "again"
    trained(*arguments)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*generator*.arrow")} == cached
    assert digest(tmp_path / "again") == digest(tmp_path / "frozen")
    encoder = load_file(Path(tiny_text_encoder[0]) / "model.safetensors")
    final = weights(tmp_path / "frozen")
    assert all(torch.equal(final[f"amuse.text_model.{name}"], tensor) for name, tensor in encoder.items())
    table = FeatureTable.from_arrow(Dataset.from_file(str(next(iter(cached)))).data.table)
    assert table.size == tiny_text_encoder[1] and max(len(table.get(i)) for i in table.rows) > 1  # tokens, not means


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--modalities", "text", "audio"], ValueError, "needs its feature table: give it as --audio_features"),
        (["--text_model", "x", "--modalities", "audio"], ValueError, "--audio_features"),
        (["--text_model", "/nowhere"], FileNotFoundError, "There is no folder /nowhere"),
        (["--num_train_epochs", "0"], ValueError, "--num_train_epochs must be at least 1, but is 0"),
        (["--gradient_accumulation_steps", "0"], ValueError, "--gradient_accumulation_steps must be at least 1"),
        (["--per_device_eval_batch_size", "0"], ValueError, "--per_device_eval_batch_size must be at least 1"),
        (["--lr_scheduler_type", "reduce_lr_on_plateau"], SystemExit, "2"),  # this scheduler needs scores
        (["--freeze_text_model"], ValueError, "--freeze_text_model needs --text_model"),
        (["--encoder_learning_rate", "1e-5"], ValueError, "--encoder_learning_rate .* needs --text_model"),
        (
            ["--text_model", "scratch", "--encoder_learning_rate", "1e-5", "--text_attention_dropout", "0"],
            ValueError,
            "--encoder_learning_rate and --text_attention_dropout .* needs --text_model",
        ),
        (
            ["--recipe", "meld"],
            ValueError,
            r"--encoder_learning_rate \(set by an option or a recipe\) needs --text_model",
        ),
        (["--audio_features", "nowhere.csv"], FileNotFoundError, "There is no feature table nowhere.csv"),
        (["--data_dir", "nowhere"], FileNotFoundError, "nowhere is not a folder"),
        (["--resume_from_checkpoint", "nowhere"], ValueError, "nowhere is not a checkpoint in"),
    ],
)
def test_bad_arguments_are_refused_and_nothing_is_written(corpus, tmp_path, arguments, error, message):
    with pytest.raises(error, match=message):
        train.main([str(argument) for argument in [*train_arguments(corpus, tmp_path / "out"), *arguments]])
    assert not (tmp_path / "out").exists()


def test_a_model_is_not_trained_over(corpus, tmp_path):
    arguments = train_arguments(corpus, tmp_path / "out", "--num_train_epochs", 1, "--train_fraction", 0.1)
    arguments = [str(argument) for argument in [*arguments, "--use_cpu"]]
    train.main(arguments)
    before = digest(tmp_path / "out")
    with pytest.raises(ValueError, match="already contains a training: add --resume_from_checkpoint latest"):
        train.main(arguments)
    shutil.rmtree(tmp_path / "out" / "checkpoints")
    with pytest.raises(ValueError, match="already contains a model, which would be lost"):
        train.main(arguments)
    with pytest.raises(ValueError, match="contains a finished training whose checkpoints were removed"):
        train.main([*arguments, "--resume_from_checkpoint", "latest"])
    assert digest(tmp_path / "out") == before


def test_a_training_has_the_precision_that_it_is_given_whatever_was_run_before(corpus, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(distribution, "has_bfloat16_instructions", lambda cpu: True)
    one_epoch = ["--num_train_epochs", 1, "--train_fraction", 0.1, "--use_cpu"]
    for name, precision in (("first", "no"), ("second", "bf16"), ("third", "no")):
        more = [*one_epoch, "--mixed_precision", precision]
        train.main([str(argument) for argument in train_arguments(corpus, tmp_path / name, *more)])
        history = json.loads((tmp_path / name / "training_history.json").read_text())
        assert history["runs"][0]["mixed_precision"] == precision
    trained_on, of = re.search(
        r"train: (\d+) of (\d+) conversations are used for training", capsys.readouterr().out
    ).groups()
    assert history["data_report"]["train"]["conversations"] == int(trained_on) < int(of)
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    train.main([str(argument) for argument in train_arguments(corpus, tmp_path / "fourth", *one_epoch)])
    assert "the mixed precision bf16 of accelerate launch is ignored" in capsys.readouterr().out


def test_without_instructions_for_bfloat16_the_training_is_that_of_float32(corpus, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(distribution, "has_bfloat16_instructions", lambda cpu: False)
    weights = {}
    for precision in ("no", "bf16"):
        folder = tmp_path / precision
        more = ["--num_train_epochs", "1", "--train_fraction", "0.1", "--use_cpu", "--mixed_precision", precision]
        train.main([str(argument) for argument in train_arguments(corpus, folder, *more)])
        said = "has no instructions for bfloat16" in capsys.readouterr().out
        assert said == (precision == "bf16")
        history = json.loads((folder / "training_history.json").read_text())
        assert (history["settings"]["mixed_precision"], history["runs"][0]["mixed_precision"]) == (precision, "no")
        weights[precision] = load_file(folder / "model.safetensors")
    torch.testing.assert_close(weights["bf16"], weights["no"], rtol=0, atol=0)


def test_a_recipe_repeats_the_small_encoder_where_another_one_is_the_default(corpus, tmp_path, monkeypatch):
    (tmp_path / "talks.csv").write_text(
        "conversation,speaker,text,emotion\n"
        + "\n".join(f"c{n // 2},A,word {n % 2},{('joy', 'anger')[n % 2]}" for n in range(40)),
        encoding="utf-8",
    )
    asked = ["--data_file", tmp_path / "talks.csv", "--num_train_epochs", 1, "--use_cpu", "--hidden_size", 8]
    train.main([*map(str, asked), "--text_model", "scratch", "--output_dir", str(tmp_path / "first")])
    monkeypatch.setenv("AMUSE_ENCODERS_DIR", str(tmp_path))  # without a pretrained one, the default would be the same
    recipe = str(tmp_path / "first" / "recipe.yaml")
    assert "text_model: scratch" in Path(recipe).read_text(encoding="utf-8")
    again = ["--recipe", recipe, "--data_file", str(tmp_path / "talks.csv"), "--use_cpu"]
    train.main([*again, "--output_dir", str(tmp_path / "second")])
    assert digest(tmp_path / "first") == digest(tmp_path / "second")


def test_a_model_of_another_origin_is_not_replaced_by_a_training_that_is_to_go_on(corpus, tmp_path):
    arguments = train_arguments(corpus, tmp_path, "--num_train_epochs", 1, "--use_cpu")
    AmuseForEmotionRecognition(small_config()).save_pretrained(tmp_path)
    before = digest(tmp_path)
    with pytest.raises(ValueError, match="contains a model of another origin, which would be lost"):
        train.main([*map(str, arguments), "--resume_from_checkpoint", "latest"])
    assert digest(tmp_path) == before


def test_a_validation_split_is_required(corpus, tmp_path):
    (tmp_path / "train.jsonl").write_text((corpus / "train.jsonl").read_text())
    with pytest.raises(ValueError, match=r"has no validation split \(in a folder: validation.jsonl\)"):
        train.main(["--dataset_name", "folder", "--data_dir", str(tmp_path), "--output_dir", str(tmp_path / "out")])


def test_features_of_a_modality_that_is_left_out_are_named(corpus, capsys):
    data_args = DataArguments(dataset_name="folder", data_dir=str(corpus), cache_dir=str(corpus.parent / "cache"))
    data_args.modalities, data_args.audio_features = ["text"], str(corpus / "audio.csv")
    assert load_training_data(data_args, 42, Accelerator(cpu=True)).feature_tables == {}
    assert "Not read, as --modalities leaves their modality out: features of audio\n" in capsys.readouterr().out


def test_class_weights_are_an_option(corpus):
    data_args = DataArguments(dataset_name="folder", data_dir=str(corpus), cache_dir=str(corpus.parent / "cache"))
    data = load_training_data(data_args, 42, Accelerator(cpu=True))
    weights = {}
    for choice in ("none", "balanced"):
        model, _ = build_model(data, ModelArguments(class_weights=choice, hidden_size=8))
        weights[choice] = model.config.class_weights
    counts = Counter(u["emotion"] for row in data.splits["train"]["utterances"] for u in row)
    total = sum(counts.values())
    # an emotion that nobody shows has the mean weight, not a huge one for the little that soft labels hold of it
    expected = [total / (len(counts) * counts[e]) if counts[e] else 1.0 for e in data.emotions]
    assert weights == {"none": None, "balanced": expected}
    absent = data.emotions[-1]
    rest = [u for row in data.splits["train"]["utterances"] for u in row if u["emotion"] != absent]
    unseen = fields_of_data(data, ModelArguments(class_weights="balanced"), rest)["class_weights"]
    assert unseen[-1] == 1.0 and len(unseen) == len(data.emotions)


def test_resuming_on_other_data_is_refused(corpus, tmp_path):
    data, arguments = tmp_path / "data", []
    shutil.copytree(corpus, data)
    arguments = [*map(str, train_arguments(data, tmp_path / "out", "--num_train_epochs", 1))]
    train.main(arguments)
    path = data / "validation.jsonl"
    path.write_text(path.read_text().replace("neutral", "joy"))
    with pytest.raises(ValueError, match="was made with other settings: data differs"):
        train.main([*arguments, "--resume_from_checkpoint", "latest"])
    shutil.copytree(tmp_path / "out", tmp_path / "elsewhere")
    foreign = ["--resume_from_checkpoint", str(tmp_path / "elsewhere" / "checkpoints" / "epoch-1")]
    with pytest.raises(ValueError, match="can only be resumed in its own --output_dir"):
        train.main([*arguments, *foreign])


def test_a_training_of_an_earlier_version_is_resumed(corpus, tmp_path):
    arguments = [*map(str, train_arguments(corpus, tmp_path / "out", "--num_train_epochs", 1))]
    train.main(arguments)
    state = tmp_path / "out" / "checkpoints" / "epoch-1" / "state.json"
    written = json.loads(state.read_text())
    settings = written["progress"]["settings"]
    for later in (settings, "separate_expert_weights"), (settings["model"], "unclear_below"):
        del later[0][later[1]]
    state.write_text(json.dumps(written))
    again = [*arguments, "--resume_from_checkpoint", "latest"]
    assert train.main(again).epoch == 1
    with pytest.raises(ValueError, match="separate_expert_weights was False, is True"):
        train.main([*again, "--separate_expert_weights"])


def test_texts_under_another_key_are_missed(corpus, tmp_path, tiny_text_encoder):
    shutil.copytree(corpus, tmp_path / "data")
    for split in ("train", "validation"):
        path = tmp_path / "data" / f"{split}.jsonl"
        path.write_text(path.read_text().replace('"text"', '"txt"'))
    for encoder in ([], ["--text_model", tiny_text_encoder[0], "--freeze_text_model"]):
        with pytest.raises(ValueError, match="give the texts under the key 'text'"):
            train.main([*map(str, train_arguments(tmp_path / "data", tmp_path / "out")), *encoder])


def test_a_split_without_emotions_is_refused(corpus, tmp_path):
    shutil.copytree(corpus, tmp_path / "data")
    path = tmp_path / "data" / "validation.jsonl"
    path.write_text(path.read_text().replace('"emotion"', '"weather"'))
    with pytest.raises(ValueError, match="No utterance of the validation split has an emotion"):
        train.main([*map(str, train_arguments(tmp_path / "data", tmp_path / "out"))])


def test_all_processes_keep_one_memory_bank(tmp_path):
    torch.multiprocessing.spawn(update_memory_bank, (str(tmp_path), free_port()), nprocs=2)
    one, other = (load_file(tmp_path / f"{rank}.safetensors")["slots"] for rank in range(2))
    assert torch.equal(one, other)
    assert (one[:, :3] != 1).all() and (one[:, 3:] == 1).all()  # utterances 0 and 1 of one process, 2 of the other


def update_memory_bank(rank: int, folder: str, port: int):
    torch.distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    bank = AmuseMemoryBank(small_config(contrastive_loss="bank", memory_bank_size=5)).train()
    bank.slots.fill_(1)
    numbers = torch.tensor([[0, 1], [2]][rank])
    bank(torch.randn(len(numbers), 3, 16), torch.ones(len(numbers), 3, dtype=torch.bool), numbers)
    save_file({"slots": bank.slots}, f"{folder}/{rank}.safetensors")
    torch.distributed.destroy_process_group()


def test_evaluation_names_what_is_missing(corpus, tmp_path):
    arguments = ["--dataset_name", "folder", "--data_dir", str(corpus), "--output", str(tmp_path / "results.json")]
    with pytest.raises(FileNotFoundError, match="There is no folder .*nowhere, and no model of this name"):
        evaluate_script.main(["--model", str(tmp_path / "nowhere"), *arguments])
    audio = ["--audio_features", str(corpus / "audio.csv")]
    train.main([*map(str, train_arguments(corpus, tmp_path / "out", *audio, "--num_train_epochs", 1))])
    model = ["--model", str(tmp_path / "out"), "--num_resamples", "0", "--pictures", "False"]
    with pytest.raises(ValueError, match="trained with audio, but the data has none: give --audio_features"):
        evaluate_script.main([*model, *arguments])
    with pytest.raises(ValueError, match="The model has no vision; choose from text, audio"):
        evaluate_script.main([*model, *arguments, "--modalities", "vision"])
    assert not (tmp_path / "results.json").exists()
    assert evaluate_script.main([*model, *arguments, "--modalities", "text"])["modalities"] == ["text"]


def test_features_may_stand_in_the_utterances(corpus, tmp_path):
    for split in ("train", "validation"):
        conversations = [json.loads(line) for line in (corpus / f"{split}.jsonl").read_text().splitlines()]
        for conversation in conversations:
            for number, utterance in enumerate(conversation["utterances"]):
                utterance["text_features"] = [[float(len(utterance["text"])), 1.0]]
                if number:
                    utterance["vision_features"] = [[float(number), 0.0, 1.0]] * number
        (tmp_path / f"{split}.jsonl").write_text("\n".join(map(json.dumps, conversations)))
    arguments = ["--dataset_name", "folder", "--data_dir", tmp_path, "--output_dir", tmp_path / "out"]
    train.main([*map(str, arguments), "--num_train_epochs", "1", "--hidden_size", "8"])
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert (config["text_feature_size"], config["vision_feature_size"]) == (2, 3)
    assert config["text_config"] is None  # text features need no encoder
    statistics = json.loads((tmp_path / "out" / "processor_config.json").read_text())["feature_statistics"]
    assert statistics["vision"]["std"][1:] == [1.0, 1.0]
