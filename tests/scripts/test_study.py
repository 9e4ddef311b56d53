"""scripts/run_study.py: the runs of a study, the finished runs that are skipped, and the report."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
import yaml

from modeling_amuse.hub_card.study_summary import comparison, fill_in
from modeling_amuse.processing.corpora.conversation_folder import Sample
from modeling_amuse.processing.evaluation.emotion_metric import weighted_f1_interval
from modeling_amuse.processing.evaluation.seed_comparison import SeedScores
from modeling_amuse.scripts import run_study
from modeling_amuse.scripts.study import controlled_study, run_digests, study_description, study_runs
from modeling_amuse.scripts.study.study_arguments import ControlledStudyArguments
from modeling_amuse.scripts.study.study_description import read_studies
from modeling_amuse.scripts.training import cross_validation, training_loop
from modeling_amuse.scripts.training.training_arguments import FREE_ON_RESUME
from tests.scripts.test_protocol import ravdess_file

EMOTIONS = ("anger", "fear", "joy")
STUDIES = sorted(path.stem for path in study_description.FOLDER.glob("*.yaml"))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with a study on a few conversations whose audio features determine the emotion."""
    generator = np.random.default_rng(0)
    for split, count in (("train", 8), ("validation", 10), ("test", 6)):
        rows = []
        for number in range(count):
            labels = generator.integers(3, size=4)
            features = generator.normal(0, 1.0, (4, 2, 3)) + 1.0 * np.eye(3)[labels][:, None]
            rows.append(
                {
                    "id": f"{split}{number}",
                    "utterances": [
                        {"speaker": f"{split[:2]}{n % 2}", "audio_features": f.tolist(), "emotion": EMOTIONS[label]}
                        for n, (f, label) in enumerate(zip(features, labels, strict=True))
                    ],
                }
            )
        (tmp_path / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (tmp_path / "studies" / "data").mkdir(parents=True)
    settings = {"dataset_name": "folder", "data_dir": "MINE", "modalities": ["audio"], "num_train_epochs": 2}
    settings |= {"hidden_size": 8, "num_man_layers": 0, "learning_rate": 0.02, "per_device_train_batch_size": 2}
    write(tmp_path / "studies" / "data" / "mine.yaml", {"about": "a few made-up conversations", "settings": settings})
    variants = {"both": {}, "none": {"contexts": "none"}, "both again": {"contexts": "both"}}
    study = {"question": "Do contexts help?", "data": ["mine"], "seeds": [1, 2, 3], "baseline": "none"}
    write(tmp_path / "studies" / "small.yaml", {**study, "variants": variants})
    monkeypatch.setattr(study_description, "FOLDER", tmp_path / "studies")
    return tmp_path


def write(path: Path, values: dict):
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def run(home, *more, study="small"):
    folders = ["--output_dir", str(home / "out"), "--results_dir", str(home / "results")]
    where = ["--cache_dir", str(home / "cache"), "--set", f"data_dir={home}", "use_cpu=true"]
    return run_study.main([study, *folders, *where, *more])


@pytest.fixture
def done(monkeypatch) -> dict[str, list]:
    """The arguments of the trainings and evaluations that run."""
    calls = {"train": [], "evaluate": []}

    def counted(name, original):
        return lambda *arguments: calls[name].append(arguments) or original(*arguments)

    for name in calls:
        for room in (study_runs, cross_validation):
            monkeypatch.setattr(room, name, counted(name, getattr(room, name)))
    return calls


def test_a_study_is_done_once_and_told_with_its_intervals(home, done, capsys, monkeypatch):
    report = run(home)["mine"]
    # variants with the same settings share their trainings
    assert len(done["train"]) == 6 and len(done["evaluate"]) == 12
    folder = home / "results" / "small" / "mine"
    frame = pd.read_parquet(folder / "runs.parquet")
    assert len(frame) == 9 and frame["training"].nunique() == 6 and set(frame["seed"]) == {1, 2, 3}
    assert (frame["test_num_utterances"] == 24).all() and {"test_f1_joy", "validation_macro_f1", "commit"} <= set(frame)
    assert json.loads(frame["settings"][3])["contexts"] == "none" and str(home) not in frame["settings"][3]
    assert frame["test_unseen_speakers_num_utterances"].tolist() == [24] * 9

    predictions = pd.read_parquet(folder / "predictions.parquet")
    assert len(predictions) == 9 * 24 and "emotion" not in predictions  # the data contains the labels
    truth = {
        u["id"] if "id" in u else f"{c['id']}_{n}": u["emotion"]
        for c in map(json.loads, (home / "test.jsonl").read_text().splitlines())
        for n, u in enumerate(c["utterances"])
    }
    for row in frame.itertuples():
        own = predictions[(predictions["variant"] == row.variant) & (predictions["seed"] == row.seed)]
        accuracy = np.mean(
            [truth[utterance] == p for utterance, p in zip(own["utterance"], own["prediction"], strict=True)]
        )
        assert accuracy == pytest.approx(row.test_accuracy)

    said = (folder / "results.md").read_text()
    means = frame.groupby("variant")["test_weighted_f1"].mean()
    assert f"| {frame['commit'][0]} |" in said
    assert f"| none | {frame[frame['variant'] == 'none']['validation_weighted_f1'].mean():.4f} ± " in said
    assert f"{means['both'] - means['none']:+.4f}" in said and said in capsys.readouterr().out + "\n"
    assert "`python scripts/run_study.py small --data mine`, runs at commit " in said and "seeds 1, 2, 3" in said
    assert report.intervals[("both", "{}")] == report.intervals[("both again", "{}")]
    picture = (folder / "weighted_f1.png").read_bytes()
    assert b"python scripts/run_study.py small --data mine, runs at commit" in picture and b"seeds 1, 2, 3" in picture
    about = pyarrow.parquet.read_schema(folder / "runs.parquet").metadata[study_runs_key()]
    assert b"seeds 1, 2, 3" in about and str(home).encode() not in about

    index = (home / "results" / "README.md").read_text()
    assert "[small/mine](small/mine/results.md)" in index and "| Do contexts help? |" in index
    text = home / "README.md"
    block = "<!-- results of small/mine -->\nold\n<!-- end of results -->"
    other = block.replace("small/mine", "small/mine, other/mine")
    text.write_text(f"Before\n{block}\nbetween\n{other}\n")
    for _ in range(2):  # the second result replaces the first
        fill_in(text, home / "results")
        told = text.read_text()
        assert told.startswith("Before\n<!-- results of small/mine -->\n| study and data |")
        assert told.endswith(
            f"<!-- end of results -->\nbetween\n{other}\n"
        )  # a block whose results are incomplete does not change
        assert told.count(f"| [small/mine](results/small/mine/results.md) | both | {means['both']:.4f} ± ") == 1
    verdict = report.differences[("both", "{}")]["verdict"]
    assert f"| {means['both'] - means['none']:+.4f} to none: {verdict} |" in told

    for calls in done.values():
        calls.clear()
    run(home)
    # without `both again`, which ties with `both`
    assert run(home, "--variants", "both", "none")["mine"].preferred in ("both", "none")
    assert done == {"train": [], "evaluate": []}
    assert pd.read_parquet(folder / "runs.parquet").equals(frame)
    # changed training data needs a new training, changed test data a new evaluation
    lines = (home / "test.jsonl").read_text().splitlines()
    (home / "test.jsonl").write_text("\n".join(lines[:5]), encoding="utf-8")
    run(home, "--variants", "both")
    assert len(done["train"]) == 0 and len(done["evaluate"]) == 3
    run(home, "--variants", "both", "--delete_models")
    assert (
        len(done["evaluate"]) == 3 and len(list(home.glob("out/trainings/*/model"))) == 3
    )  # the models of the other variant
    (home / "test.jsonl").write_text("\n".join(lines[:4]), encoding="utf-8")
    with (
        monkeypatch.context() as later,
        pytest.raises(ValueError, match="was deleted.* was trained at commit .* at f00d"),
    ):
        later.setattr(study_runs, "commit", lambda: "f00d")
        run(home, "--variants", "both")
    assert len(done["train"]) == 0
    (home / "train.jsonl").write_text((home / "train.jsonl").read_text().replace("joy", "fear", 1), encoding="utf-8")
    run(home, "--variants", "both")
    assert len(done["train"]) == 3
    assert pd.read_parquet(folder / "runs.parquet").equals(frame)  # a part of a study does not replace the whole


def study_runs_key() -> bytes:
    from modeling_amuse.scripts.study.study_report import STUDY_KEY

    return STUDY_KEY


def test_the_kept_runs_are_all_that_a_study_needs_to_be_written_on_another_machine(home, done):
    run(home, "--keep_runs", str(home / "kept"))
    folder = home / "results" / "small" / "mine"
    table, scores = (folder / "results.md").read_text(), pd.read_parquet(folder / "runs.parquet")
    assert {path.name for path in (home / "kept").rglob("*") if path.is_file()} == {
        "run.json",
        "results.json",
        "predictions.parquet",
    }
    for gone in ("out", "results"):
        shutil.rmtree(home / gone)
    shutil.copytree(home / "kept", home / "out" / "trainings")
    for calls in done.values():
        calls.clear()
    run(home)
    assert done == {"train": [], "evaluate": []}
    run(home, "--trial", "--validation_only")  # the validation split's predictions are kept, too
    assert done == {"train": [], "evaluate": []}
    assert (folder / "results.md").read_text() == table
    assert pd.read_parquet(folder / "runs.parquet").equals(scores)


def test_a_file_where_runs_are_to_be_kept_is_reported_before_the_first_training(home, done):
    (home / "kept").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match="kept is a file, not a folder"):
        run(home, "--keep_runs", str(home / "kept"))
    assert done["train"] == []


def test_a_stopped_training_goes_on(home, monkeypatch, capsys):
    original = training_loop.save_checkpoint

    def stopped(folder, epoch, *state):
        original(folder, epoch, *state)
        raise KeyboardInterrupt

    monkeypatch.setattr(training_loop, "save_checkpoint", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(home, "--trial", "--seeds", "1", "--variants", "none")
    monkeypatch.setattr(training_loop, "save_checkpoint", original)
    capsys.readouterr()
    run(home, "--trial", "--seeds", "1", "--variants", "none")
    assert "Resumed from the end of epoch 1" in capsys.readouterr().out


def test_too_few_seeds_and_other_settings_are_a_try(home, done):
    with pytest.raises(
        ValueError, match=r"2 seed\(s\) cannot show that a difference is more than chance: give at least 3, .* --trial"
    ):
        run(home, "--seeds", "1", "2")
    with pytest.raises(ValueError, match="--set hidden_size=4 changes the study"):
        run(home, "--set", f"data_dir={home}", "hidden_size=4")
    with pytest.raises(ValueError, match="small has no variant other; it has both, none"):
        run(home, "--variants", "other")
    with pytest.raises(ValueError, match="--set text_model=x: the data mine has no text_model"):
        run(home, "--set", "text_model=x")
    assert not done["train"] and not (home / "out").exists()
    report = run(home, "--trial", "--seeds", "1", "--variants", "none", "--validation_only")["mine"]
    assert "A trial" in report.markdown() and "--seeds 1 --trial --validation_only" in report.markdown()
    assert [args.split for [args] in done["evaluate"]] == ["validation"]
    assert not (home / "results").exists() and (home / "out/results/small/mine/results.md").is_file()
    # trial settings are not evaluated on the test split
    done["evaluate"].clear()
    run(
        home,
        "--trial",
        "--seeds",
        "1",
        "--variants",
        "none",
        "--set",
        f"data_dir={home}",
        "use_cpu=true",
        "hidden_size=4",
    )
    assert [args.split for [args] in done["evaluate"]] == ["validation"]


def test_another_encoder_or_table_is_another_study(home):
    path = home / "studies" / "data" / "mine.yaml"
    values = yaml.safe_load(path.read_text())
    values["settings"] |= {"text_model": "sentence-transformers/all-MiniLM-L6-v2", "audio_features": "PRAAT"}
    write(path, values)
    [study] = read_studies("small")
    given = ["data_dir=/data/MELD", "text_model=/encoders/all-MiniLM-L6-v2", "mine.audio_features=/data/praat"]
    assert study_description.set_options(study, given) == []
    assert study_description.set_options(study, ["text_model=/encoders/mpnet", f"mine.{given[1]}"]) == []
    assert study.data.settings["text_model"] == "/encoders/all-MiniLM-L6-v2"  # the value for this data set
    changing = ["text_model=/encoders/roberta-large", "audio_features=/data/opensmile"]
    assert study_description.set_options(study, changing) == changing


def test_tables_and_encoders_of_a_recipe_tell_trainings_apart(home):
    digests = set()
    for number, name in enumerate(("a", "b")):
        (home / f"{name}.csv").write_text(f"utterance_id,joy\nu,{number}", encoding="utf-8")
        write(home / f"{name}.yaml", {"soft_labels": str(home / f"{name}.csv")})
        options = {"dataset_name": "folder", "data_dir": str(home), "modalities": ["audio"]}
        digests.add(run_digests.options_digest({**options, "recipe": str(home / f"{name}.yaml")}))
        digests.add(run_digests.options_digest({**options, "soft_labels": str(home / f"{name}.csv")}))
        digests.add(run_digests.options_digest({**options, "text_features": str(home / f"{name}.csv")}))
    assert len(digests) == 4  # a recipe and an option with the same table are one training


def test_options_that_contradict_each_other_are_reported_before_the_first_training(home, done):
    study = yaml.safe_load((home / "studies" / "small.yaml").read_text())
    write(home / "studies" / "small.yaml", {**study, "variants": {"none": {}, "first": {"extra_data_first": 1}}})
    with pytest.raises(ValueError, match="--extra_data_first needs --extra_data"):
        run(home)
    variants = {"none": {}, "late": {"late_fusion": True, "train_fraction": 0.5}}
    write(home / "studies" / "small.yaml", {**study, "variants": variants})
    with pytest.raises(ValueError, match="late on mine is a late fusion, .*leave out train_fraction"):
        run(home)
    assert not done["train"]


def test_experts_that_validation_chooses_come_after_epochs_without_any(home, done):
    study = yaml.safe_load((home / "studies" / "small.yaml").read_text())
    variants = {"constant": {"experts": "constant"}, "auto": {"experts": "auto"}}
    write(home / "studies" / "small.yaml", {**study, "variants": variants, "baseline": "constant"})
    report = run(home, "--trial", "--seeds", "1")["mine"]
    chosen = home / "out" / "trainings" / report.frame["training"][1] / "model"
    history = json.loads((chosen / "training_history.json").read_text())
    assert history["experts"]["kind"] == "none"  # there are too few conversations to choose
    assert not json.loads((chosen / "config.json").read_text()).get("expert_modalities")


def test_disturbed_and_calibrated_evaluations_share_a_training(home, done):
    study = yaml.safe_load((home / "studies" / "small.yaml").read_text())
    long = {"num_train_epochs": 8}
    study |= {"variants": {"plain": long, "scaled": {**long, "calibrate": True}}, "baseline": "plain"}
    study["evaluations"] = [{"missing_rate": [0.0, 0.9], "disturbed_modalities": [["audio"], ["vision"]]}]
    study["plots"] = [{"x": "missing_rate", "lines": ["disturbed_modalities", "variant"]}]
    write(home / "studies" / "disturbed.yaml", study)
    report = run(home, study="disturbed")["mine"]
    # a modality that the model lacks is not disturbed; a rate of 0 is scored as undisturbed
    assert len(done["train"]) == 3 and len(report.frame) == 12 and len(done["evaluate"]) == 24
    by_rate = {
        json.loads(e)["missing_rate"]: m
        for e, m in report.frame.groupby("evaluation")["test_weighted_f1"].mean().items()
    }
    assert by_rate[0.9] < by_rate[0.0] - 0.1
    scaled = report.frame[report.frame["variant"] == "scaled"]
    assert (scaled["test_temperature"] != 1).all() and report.frame["test_temperature"].notna().sum() == 6
    plain = report.frame[report.frame["variant"] == "plain"]
    assert scaled["test_accuracy"].tolist() == plain["test_accuracy"].tolist()
    errors = "test_calibration_error_without_temperature"
    assert scaled[errors].to_numpy() == pytest.approx(plain["test_expected_calibration_error"].to_numpy())
    assert (
        "| scaled, missing rate 0.9 (audio) |" in report.markdown() and "calibration error without" in report.markdown()
    )
    assert report.preferred is None  # a study of disturbances prefers no variant
    summary = {**report.summary(), "rows": []}
    assert comparison(summary).startswith(f"calibration error {scaled[errors].mean():.3f}, with a temperature ")
    assert list(report._curves("missing_rate", ["disturbed_modalities", "variant"])) == [
        "audio, plain",
        "audio, scaled",
    ]
    assert (home / "results/disturbed/mine/weighted_f1_by_missing_rate.png").read_bytes().startswith(b"\x89PNG")
    # a temperature is no reason to prefer a variant either, because it changes no prediction
    undisturbed = {name: value for name, value in study.items() if name not in ("evaluations", "plots")}
    write(home / "studies" / "scaled.yaml", undisturbed)
    assert run(home, study="scaled")["mine"].preferred is None and len(done["train"]) == 3


def test_settings_that_would_do_nothing_are_refused(home, done):
    with pytest.raises(
        ValueError, match="--set mien.num_train_epochs=1: the study does not use the data mien; it uses mine"
    ):
        run(home, "--trial", "--set", f"data_dir={home}", "mien.num_train_epochs=1")
    with pytest.raises(ValueError, match="of small, none, both again sets its own contexts, which would not change"):
        run(home, "--trial", "--set", f"data_dir={home}", "contexts=dialogue")
    with pytest.raises(
        FileNotFoundError, match="There is no MINE, which both of small needs on mine: .*mine.data_dir=PATH"
    ):
        run(home, "--set", "use_cpu=true")
    assert not done["train"]


def test_a_file_elsewhere_does_not_replace_a_study(home, done):
    study = yaml.safe_load((home / "studies" / "small.yaml").read_text())
    write(home / "small.yaml", study)
    with pytest.raises(ValueError, match="has the name of a study of scripts/studies, whose results it would replace"):
        run(home, study=str(home / "small.yaml"))
    write(home / "own.yaml", study)
    report = run(home, "--trial", "--seeds", "1", "--variants", "none", study=str(home / "own.yaml"))["mine"]
    assert f"python scripts/run_study.py {home / 'own.yaml'} --data mine" in report.markdown()


def test_a_data_set_without_splits_is_cross_validated(home, done):
    (home / "clips").mkdir()
    ravdess_file(home / "clips")
    settings = {"dataset_name": "ravdess", "data_dir": "RAVDESS", "contexts": "none", "num_train_epochs": 1}
    settings |= {"hidden_size": 8, "num_man_layers": 1}
    write(home / "studies" / "data" / "clips.yaml", {"about": "clips", "num_folds": 4, "settings": settings})
    study = {"question": "?", "data": ["clips"], "seeds": [1], "variants": {}, "baseline": "audio"}
    study["variants"] = {"audio": {"modalities": ["audio"]}, "both": {"modalities": ["audio", "vision"]}}
    write(home / "studies" / "folds.yaml", study)
    report = run(
        home,
        "--trial",
        "--set",
        f"clips.data_dir={home / 'clips'}",
        study="folds",
    )["clips"]
    assert report.frame["test_num_utterances"].tolist() == [16, 16]
    calls = len(done["train"]), len(done["evaluate"])
    assert calls[1] == 16  # folds, splits and variants
    run(home, "--trial", "--set", f"clips.data_dir={home / 'clips'}", study="folds")
    assert (len(done["train"]), len(done["evaluate"])) == calls


def test_scenes_votes_and_the_mean_of_seeds_in_one_study(home, done):
    ids = [f"train{number}_{position}" for number in range(8) for position in range(4)]
    lines = [json.loads(line) for line in (home / "train.jsonl").read_text().splitlines()]
    emotions = [utterance["emotion"] for line in lines for utterance in line["utterances"]]
    votes = ["utterance_id,scene," + ",".join(EMOTIONS)]
    for number, (name, emotion) in enumerate(zip(ids, emotions, strict=True)):
        votes.append(f"{name},{number // 8}," + ",".join("3" if e == emotion else "1" for e in EMOTIONS))
    (home / "votes.csv").write_text("\n".join(votes), encoding="utf-8")
    parts = [f"train,{name},{'even' if number % 2 else 'odd'}" for number, name in enumerate(ids)]
    (home / "parts.csv").write_text("\n".join(["split,utterance_id,part", *parts]), encoding="utf-8")
    settings = yaml.safe_load((home / "studies" / "data" / "mine.yaml").read_text())["settings"]
    scenes = {"about": "scenes", "num_folds": 2, "groups": "votes.csv", "settings": {**settings, "num_train_epochs": 1}}
    write(home / "studies" / "data" / "scenes.yaml", scenes)
    study = {"question": "?", "data": ["scenes"], "seeds": [1, 2], "baseline": "hard", "variants": {"hard": {}}}
    study["variants"] |= {"mean of seeds": {"mean_of": "hard"}, "soft": {"soft_labels": "votes.csv"}}
    write(home / "studies" / "scenes.yaml", study)
    places = ["--set", f"data_dir={home}", "use_cpu=true", f"groups={home}/votes.csv", f"soft_labels={home}/votes.csv"]
    report = run(home, "--trial", "--parts", str(home / "parts.csv"), *places, study="scenes")["scenes"]
    assert len(done["train"]) == 2 * 2 * 2 * 2  # variants, seeds, folds and scored splits
    assert report.frame["variant"].tolist() == ["hard", "hard", "soft", "soft", "mean of seeds"]
    assert set(report.frame["test_num_utterances"]) == {32} and report.unit == "conversation"
    trained = [arguments[0].soft_labels for arguments in done["train"]]
    assert trained.count(None) == 8 and len(set(trained)) == 5  # each fold has a table
    text = report.markdown()
    assert "| even | 16 |" in text and "nan" not in text
    chosen = run(home, "--trial", "--validation_only", *places, study="scenes")["scenes"]
    assert set(chosen.frame["validation_num_utterances"]) == {2 * 40}  # folds, utterances
    done["train"].clear()
    (home / "parts.csv").write_text("split,utterance_id,part\ntrain,dia0_utt0,even", encoding="utf-8")
    with pytest.raises(ValueError, match="--parts has the utterance dia0_utt0, which the train split does not have"):
        run(home, "--trial", "--seeds", "3", "--parts", str(home / "parts.csv"), *places, study="scenes")
    assert not done["train"]
    with pytest.raises(FileNotFoundError, match="which scenes needs to divide scenes"):
        run(home, "--trial", "--set", f"data_dir={home}", f"soft_labels={home}/votes.csv", study="scenes")
    with pytest.raises(FileNotFoundError, match="which soft of scenes needs"):
        run(home, "--trial", "--set", f"data_dir={home}", f"groups={home}/votes.csv", study="scenes")
    with pytest.raises(ValueError, match="is the mean of another variant"):
        run(home, "--trial", "--variants", "mean of seeds", *places, study="scenes")


def test_a_student_learns_from_teachers_of_its_own_training_conversations(home, done):
    rows = [json.loads(line) for line in (home / "train.jsonl").read_text().splitlines()]
    for row in rows:  # every emotion in every conversation, as each fold of three of them needs it
        for number, utterance in enumerate(row["utterances"]):
            utterance["emotion"] = EMOTIONS[number % len(EMOTIONS)]
    (home / "train.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    scenes = ["utterance_id,scene", *(f"train{number}_0,{number}" for number in range(8))]
    (home / "scenes.csv").write_text("\n".join(scenes), encoding="utf-8")
    settings = yaml.safe_load((home / "studies" / "data" / "mine.yaml").read_text())["settings"]
    settings |= {"num_train_epochs": 1, "train_fraction": 0.75, "use_cpu": True}
    folds = {"about": "scenes", "num_folds": 2, "groups": "scenes.csv", "folds": [2], "settings": settings}
    write(home / "studies" / "data" / "scenes.yaml", folds)
    study = {"question": "?", "data": ["scenes"], "seeds": [1], "baseline": "hard", "variants": {"hard": {}}}
    study["variants"]["distilled"] = {"teacher_seeds": [5, 6]}
    write(home / "studies" / "scenes.yaml", study)
    asked = ["--trial", "--set", f"data_dir={home}", f"groups={home}/scenes.csv"]
    report = run(home, *asked, study="scenes")["scenes"]
    assert report.frame["variant"].tolist() == ["hard", "distilled"]
    assert report.frame["training"].nunique() == 2 and set(report.frame["test_num_utterances"]) == {16}
    fold = home / "out" / "trainings" / report.frame["training"][1] / "folds" / "fold-2"
    drawn = conversations(fold / "drawn" / "train.jsonl")
    assert len(drawn) == 3 and drawn <= conversations(fold / "conversations" / "train.jsonl")
    assert {row.rsplit("_", 1)[0] for row in pd.read_parquet(fold / "teacher.parquet")["utterance_id"]} == drawn
    teachers = [arguments for arguments in done["train"] if "teachers" in arguments[-1].output_dir]
    assert [arguments[-1].seed for arguments in teachers] == [5] * 3 + [6] * 3
    for arguments in teachers:
        assert conversations(f"{arguments[0].data_dir}/train.jsonl") < drawn
    student = done["train"][-1]
    assert student[0].soft_labels == str(fold / "teacher.parquet") and student[0].soft_labels_for == "all"
    assert student[-1].seed == 1 and student[-1].output_dir == str(fold / "model")
    calls = len(done["train"])
    run(home, *asked, study="scenes")
    assert len(done["train"]) == calls
    for wrong in ([], 42, ["a"], [1, 1]):
        study["variants"]["distilled"] = {"teacher_seeds": wrong}
        write(home / "studies" / "scenes.yaml", study)
        with pytest.raises(ValueError, match="teacher_seeds of distilled must be a list of different whole numbers"):
            read_studies("scenes")
    write(home / "studies" / "small.yaml", {**study, "data": ["mine"], "variants": {"hard": {"teacher_seeds": [1]}}})
    with pytest.raises(ValueError, match="and mine must be cross-validated over groups"):
        read_studies("small")


def conversations(path) -> set[str]:
    """The ids of the conversations of a file."""
    return {json.loads(line)["id"] for line in Path(path).open(encoding="utf-8")}


@pytest.mark.parametrize("name", STUDIES)
def test_studies_are_what_train_takes(name):
    for study in read_studies(name):
        assert len(study.seeds) >= 3
        for variant in study.variants:
            settings = run_digests.settings_of(study.options(variant, with_all_features=True))
            assert set(study.modalities(variant)) == set(settings["modalities"])
            assert any(study.applies(evaluation, variant) for evaluation in study.evaluations)
        for plot in study.plots:
            assert any(plot["x"] in {**study.variants[v], **e} for v in study.variants for e in study.evaluations)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"variants": {"a": {"focal_gama": 1}}},
            "The variant a of .*: not an option of train.py that a study may set: focal_gama",
        ),
        ({"variants": {"a": {"seed": 1}}}, "not an option of train.py that a study may set: seed"),
        ({"variants": {True: {}}}, "names of variants must be strings"),
        ({"baseline": "c"}, "the baseline 'c' is not among the variants both, none"),
        ({"extra": 1}, "must have data, question, seeds, variants, may have"),
        ({"evaluations": [{"missing": 0.5}]}, "evaluations may have missing_rate, .* but not missing"),
        ({"data": {"mine": {"variants": ["c"]}}}, "mine names an unknown variant"),
        ({"data": {"mine": {"seeds": ["a"]}}}, "the seeds of mine are a list of whole numbers"),
        ({"data": ["other"]}, r"There is no file .*other.yaml; its folder contains: mine"),
        ({"data": "mine"}, "data is a list of names, or a mapping of names"),
        ({"seeds": 42}, "seeds is a list of whole numbers"),
        ({"variants": ["both", "none"]}, "variants is a mapping of names to options, {} for no options"),
        ({"variants": {"both": None, "none": {}}}, "variants is a mapping of names to options, {} for no options"),
        (
            {"variants": {"none": {"modalities": None}}},
            ".modalities. is missing: give it for the variant none, or in the settings of the data mine",
        ),
        ({"evaluations": {"missing_rate": 0.5}}, "evaluations is a list of mappings"),
        ({"evaluations": [{"missing_rate": [1.5]}]}, "missing_rate must be from 0 to 1, but is 1.5"),
        ({"evaluations": [{"missing_rate": 0.5, "disturbed_modalities": ["audio"]}]}, "a list of lists, .* not audio"),
        ({"evaluations": [{"word_drop_rate": 0.5}]}, "disturb no modality that both has on mine"),
        ({"variants": {"both": {}, "none": {"mean_of": "other"}}}, "none is the mean of the seeds of another variant"),
        (
            {"variants": {"both": {}, "none": {"mean_of": "none"}}},
            "none is the mean .* the other variant must be trained",
        ),
        (
            {"variants": {"none": {}, "m": {"mean_of": "none"}, "n": {"mean_of": "m"}}},
            "n is the mean .* the other variant must be trained",
        ),
        (
            {"variants": {"none": {}, "m": {"mean_of": "none"}}, "evaluations": [{"missing_rate": [0, 0.5]}]},
            "m, which combines models, cannot be evaluated with disturbances",
        ),
        ({"plots": [{"lines": ["variant"]}]}, "plots is a list of mappings with an x"),
    ],
)
def test_what_is_no_study_is_refused(home, changes, message):
    path = home / "studies" / "small.yaml"
    write(path, {**yaml.safe_load(path.read_text()), **changes})
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_studies("small")


def test_a_data_set_may_have_variants_and_seeds_of_its_own(home):
    path = home / "studies" / "small.yaml"
    data = {"mine": {"variants": ["none"], "seeds": [4, 5, 6, 7]}}
    write(path, {**yaml.safe_load(path.read_text()), "data": data})
    [study] = read_studies("small")
    assert list(study.variants) == ["none"] and study.seeds == [4, 5, 6, 7]


def test_the_same_training_is_recognized_by_what_it_does():
    plain = run_digests.settings_of({"dataset_name": "folder", "data_dir": "x", "modalities": ["text"]})
    assert "hidden_size" not in plain  # an option that is added later changes no digest
    said = {"fusion": "gate", "contexts": "both", "modalities": ["text"], "train_fraction": 1.0, "hidden_size": 256}
    assert run_digests.settings_of({"dataset_name": "folder", "data_dir": "x", **said}) == plain
    small = run_digests.settings_of({"preset": "small"})
    assert small["hidden_size"] == 64 and run_digests.settings_of({"preset": "small", "hidden_size": 64}) == small
    assert run_digests.settings_of({"preset": "small", "modality_dropout": 0.1}) != small
    with pytest.raises(ValueError, match="train.py does not accept these options"):
        run_digests.settings_of({"fusion": "sum"})


def test_data_is_recognized_by_what_it_holds(tmp_path, monkeypatch):
    def digest(**options):
        run_digests._contents.cache_clear()
        return run_digests.data_digest({"dataset_name": "sample", **options}, ("train",), with_test=False)

    tables = [tmp_path / name for name in ("one", "two")]
    for number, table in enumerate(tables):
        (table / "data").mkdir(parents=True)
        (table / "data" / "train.csv").write_text(f"utterance_id,loudness\na,{number}\n")
        (table / "data" / "dia.test.csv").write_text("utterance_id,loudness\nb,1\n")
    first = digest(vision_features=tables[0])
    assert first != digest(vision_features=tables[1]) and first != digest(background_features=tables[0])
    (tables[0] / "data" / "dia.test.csv").write_text("utterance_id,loudness\nb,2\n")
    assert digest(vision_features=tables[0]) == first
    tables[0].rename(tmp_path / "moved")
    assert digest(vision_features=tmp_path / "moved") == first
    monkeypatch.setattr(Sample, "VERSION", "9.9.9")  # it makes other rows from the same files
    assert digest(vision_features=tmp_path / "moved") != first


def seeds(*shares_right, conversations=40, salt=0):
    """Runs that each predict the given share of the labels correctly."""
    generator = np.random.default_rng(0)
    references = generator.integers(3, size=5 * conversations)
    groups = np.repeat([f"c{n}" for n in range(conversations)], 5)
    runs = []
    for number, share in enumerate(shares_right):
        draw = np.random.default_rng([salt, number])
        wrong = (references + draw.integers(1, 3, len(references))) % 3
        runs.append((references, np.where(draw.random(len(references)) < share, references, wrong), groups))
    return SeedScores(runs, 3), runs


def test_seeds_are_compared_on_the_same_conversations():
    (good, runs), (bad, _), (likely, _) = (
        seeds(0.8, 0.8, 0.8),
        seeds(0.6, 0.6, 0.6, salt=1),
        seeds(0.8, 0.8, 0.8, salt=2),
    )
    found = good.difference(bad)
    assert found["verdict"] == "better" and found["interval"][0] > 0
    assert found["difference"] == pytest.approx(good.mean() - bad.mean())
    assert found["interval"][0] < found["difference"] < found["interval"][1]
    back = bad.difference(good)
    assert back["verdict"] == "worse" and back["interval"] == pytest.approx(
        [-found["interval"][1], -found["interval"][0]], abs=0.005
    )
    assert good.difference(likely)["verdict"] == "not significant"
    assert good.difference(good)["difference"] == 0 and good.difference(good)["verdict"] == "not significant"
    named = SeedScores(runs, 3, ["a", "b", "c"])
    assert named.difference(named) == {"difference": 0, "interval": [0, 0], "verdict": "not significant"}
    # on the same conversations, a difference is more certain than the two intervals show
    width = np.ptp(good.interval()) + np.ptp(bad.interval())
    assert np.ptp(found["interval"]) < width
    # if seeds differ as much as variants, nothing is significant, unless both variants evaluate the same trainings
    scattered, scattered_runs = seeds(0.5, 0.7, 0.9)
    better = [(r, np.where(np.arange(len(p)) % 20 == 0, r, p), c) for r, p, c in scattered_runs]
    slightly, names = SeedScores(better, 3), ["a", "b", "c"]
    assert np.ptp(scattered.interval()) > 2 * np.ptp(good.interval())
    assert slightly.difference(scattered)["verdict"] == "not significant"
    again = SeedScores(better, 3, names).difference(SeedScores(scattered_runs, 3, names))
    assert again["verdict"] == "better" and again["difference"] == pytest.approx(slightly.mean() - scattered.mean())
    one, [run_] = seeds(0.7)
    assert one.interval(200) == weighted_f1_interval(*run_, 3, 200)
    with pytest.raises(ValueError, match="predicted different ones"):
        good.difference(seeds(0.8, conversations=39)[0])
    changed = [runs[0], (1 - runs[0][0], *runs[0][1:])]
    with pytest.raises(ValueError, match="The seeds of a variant predicted different utterances"):
        SeedScores(changed, 3)


def test_the_controlled_study_trains_what_the_study_of_modalities_trains():
    [study] = read_studies("modalities", ["controlled"])
    args = ControlledStudyArguments(data_dir="x", cache_dir="y")
    own = controlled_study.training_options(args, Path("features"), ("text", "audio"), 43)
    assert own["audio_features"] == Path("features/prosody") and "vision_features" not in own
    settings = [run_digests.settings_of(options) for options in (own, {**study.options("text+audio"), "seed": 43})]
    first, second = ({k: v for k, v in found.items() if k not in FREE_ON_RESUME} for found in settings)
    assert first == second and first["num_train_epochs"] == 30 and first["preset"] == "small"
    args = ControlledStudyArguments(data_dir="x", cache_dir="y", experts="constant", separate_expert_weights=True)
    asked = run_digests.settings_of(controlled_study.training_options(args, Path("features"), ("text", "audio"), 43))
    assert asked == settings[0] | {"experts": "constant", "separate_expert_weights": True}
