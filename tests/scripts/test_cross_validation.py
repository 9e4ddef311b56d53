# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""scripts/cross_validate.py: folds, scores, and continued runs."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from datasets import Dataset, DatasetDict
from hypothesis import given
from hypothesis import strategies as st

from modeling_amuse.processing.corpora.conversation_builder import CONVERSATION_FEATURES, schema_row
from modeling_amuse.processing.corpora.feature_tables import write_feature_table
from modeling_amuse.processing.corpora.load_conversations import ConversationData
from modeling_amuse.scripts import contributions, cross_validate
from modeling_amuse.scripts.training import cross_validation, evaluation, fold_data, fold_scores
from modeling_amuse.scripts.training.evaluation_arguments import EvaluationArguments
from modeling_amuse.scripts.training.training_arguments import FoldArguments, as_arguments, parse_arguments

EMOTIONS = ("anger", "boredom", "fear")
SPEAKERS = "ABCDEF"


def talk(speaker: str, emotion: str, **more) -> dict:
    name = f"{speaker}-{emotion}"
    return {"id": name, "utterances": [{"id": name, "speaker": speaker, "emotion": emotion, **more}]}


def corpus(folder, shift: float = 0.0, speakers: str = SPEAKERS):
    """A folder with one utterance for each speaker and emotion, whose audio features determine the emotion."""
    noise = np.random.default_rng(0).normal(0, 0.1, (len(speakers), len(EMOTIONS), 2, 3))
    lines = [
        json.dumps(talk(speaker, emotion, audio_features=(noise[row, label] + shift + 3 * np.eye(3)[label]).tolist()))
        for row, speaker in enumerate(speakers)
        for label, emotion in enumerate(EMOTIONS)
    ]
    folder.mkdir(exist_ok=True)
    (folder / "train.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


SMALL = {"hidden_size": 16, "num_train_epochs": 3, "learning_rate": 0.02, "per_device_train_batch_size": 3}


def options(folder, **more) -> dict:
    kept = {"cache_dir": str(folder / "cache"), "modalities": ["audio"], "contexts": "none", "use_cpu": True}
    return {**SMALL, **kept, **more}


def run(data_dir, output_dir, **more) -> dict:
    paths = {"dataset_name": "folder", "data_dir": data_dir, "output_dir": output_dir}
    return cross_validate.main(as_arguments(options(output_dir.parent, **paths, **{"num_folds": 3, **more})))


@pytest.fixture
def trainings(monkeypatch) -> list:
    """The output folders of the trainings that run."""
    folders, original = [], cross_validation.train

    def counted(data_args, model_args, args):
        folders.append(args.output_dir)
        original(data_args, model_args, args)

    monkeypatch.setattr(cross_validation, "train", counted)
    return folders


def test_a_run_scores_every_utterance_once_and_goes_on_where_it_was(tmp_path, trainings, capsys):
    data, output = corpus(tmp_path / "data"), tmp_path / "cv"
    chosen = run(data, output, split="validation")
    assert len(trainings) == 3 and not (output / "results.json").exists()
    weights = [(output / f"fold-{n}" / "model" / "model.safetensors").read_bytes() for n in (1, 2, 3)]
    results = run(data, output)
    assert weights == [(output / f"fold-{n}" / "model" / "model.safetensors").read_bytes() for n in (1, 2, 3)]

    for summary in (chosen, results):
        assert sorted(s for fold in summary["folds"] for s in fold["speakers"][summary["split"]]) == list(SPEAKERS)
        assert np.sum(summary["pooled"]["confusion_matrix"], axis=1).tolist() == [6, 6, 6]
    assert results["emotions"] == list(EMOTIONS) and results["pooled"]["num_utterances"] == 18
    accuracies = [fold["accuracy"] for fold in results["folds"]]
    assert results["mean"]["accuracy"] == pytest.approx(np.mean(accuracies))
    assert results["deviation"]["accuracy"] == pytest.approx(np.std(accuracies, ddof=1))
    assert results["pooled"]["accuracy"] > 0.8  # the features determine the emotion
    assert json.loads((output / "results.json").read_text()) == results
    printed = capsys.readouterr().out
    assert (
        f"all utterances  {results['pooled']['accuracy']:8.4f}" in printed
        and "each predicted once, 1 seed (42)" in printed
    )

    trainings.clear()
    (output / "fold-2" / "test_results.json").unlink()
    again = run(data, output)
    assert trainings == [str(output / "fold-2" / "model")]
    assert again["folds"] == results["folds"] and again["pooled"] == results["pooled"]


def test_a_recipe_that_names_the_data_does_not_bring_all_of_it_into_each_fold(tmp_path, monkeypatch):
    found = []
    monkeypatch.setattr(cross_validation, "train", lambda *given: found.append(given) or 1 / 0)
    (tmp_path / "recipe.yaml").write_text(
        f"data_file: {corpus(tmp_path / 'data') / 'train.jsonl'}\nhidden_size: 24\n", encoding="utf-8"
    )
    given = options(
        tmp_path, output_dir=tmp_path / "cv", num_folds=3, folds_of="train", recipe=tmp_path / "recipe.yaml"
    )
    given.pop("hidden_size")
    with pytest.raises(ZeroDivisionError):
        cross_validate.main(as_arguments(given))
    [(data_args, model_args, _)] = found
    assert data_args.data_file is None and data_args.data_dir == str(tmp_path / "cv" / "fold-1" / "conversations")
    assert model_args.hidden_size == 24


def test_contributions_of_all_folds_are_pooled(tmp_path):
    data, output = corpus(tmp_path / "data"), tmp_path / "cv"
    lines = [json.loads(line) for line in (data / "train.jsonl").read_text().splitlines()]
    for number, line in enumerate(lines):  # vision features without information
        line["utterances"][0]["vision_features"] = [[number % 5, number % 7]]
    (data / "train.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    run(data, output, modalities=["audio", "vision"], experts="constant")
    arguments = ["--cache_dir", str(tmp_path / "cache"), "--use_cpu", "true"]
    pooled = contributions.main(["--cross_validation", str(output), "--output", str(tmp_path / "c.json"), *arguments])
    assert json.loads((tmp_path / "c.json").read_text()) == pooled
    folds = []
    for fold in ("fold-1", "fold-2", "fold-3"):
        place = ["--dataset_name", "folder", "--data_dir", str(output / fold / "conversations"), "--split", "test"]
        folds.append(contributions.main(["--model", str(output / fold / "model"), *place, *arguments]))
    for modality in ("audio", "vision"):
        assert pooled[modality]["num_utterances"] == sum(fold[modality]["num_utterances"] for fold in folds) == 18
        for name in ("mean", "mean_drop"):
            weighted = sum(fold[modality][name] * fold[modality]["num_utterances"] for fold in folds)
            assert pooled[modality][name] == pytest.approx(weighted / 18)
    assert pooled["audio"]["deviation"] > 0

    with pytest.raises(ValueError, match="Give either --model, or --cross_validation"):
        contributions.main(arguments)
    with pytest.raises(ValueError, match="leave out --data_dir"):
        contributions.main(["--cross_validation", str(output), "--data_dir", str(data)])
    with pytest.raises(ValueError, match="leave out --data_file"):
        contributions.main(["--cross_validation", str(output), "--data_file", str(data / "train.jsonl")])
    (output / "fold-2" / "model" / "training_history.json").unlink()
    with pytest.raises(FileNotFoundError, match="no finished model of fold-2"):
        contributions.main(["--cross_validation", str(output)])
    with pytest.raises(FileNotFoundError, match="no finished model of any fold"):
        contributions.main(["--cross_validation", str(data)])


def test_a_fold_without_predictions_is_not_finished(tmp_path, monkeypatch):
    data, output = corpus(tmp_path / "data"), tmp_path / "cv"

    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "write_predictions", stopped)
        with pytest.raises(KeyboardInterrupt):
            run(data, output)
    run(data, output)
    assert all((output / f"fold-{n}" / "test_predictions.parquet").is_file() for n in (1, 2, 3))


def test_folds_use_the_processor_that_a_training_uses(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(cross_validation, "PartialState", lambda cpu: asked.append(cpu))
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr(cross_validation, "load_fold_data", lambda *_: 1 / 0)
    for use_cpu in ("true", "false"):
        with pytest.raises(ZeroDivisionError):
            run(corpus(tmp_path / "data"), tmp_path / "cv", use_cpu=use_cpu)
    assert asked == [True, False]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"group_column": "place"}, "--group_column needs --groups"),
        ({"groups": "scenes.csv", "folds_by": "conversation"}, "--groups cannot be combined with --folds_by"),
    ],
)
def test_options_that_would_have_no_effect_on_folds_are_refused(tmp_path, given, message):
    with pytest.raises(ValueError, match=message):
        run(corpus(tmp_path / "data"), tmp_path / "cv", **given)


def test_other_settings_or_data_are_refused(tmp_path, monkeypatch):
    data, output = corpus(tmp_path / "data"), tmp_path / "cv"
    with pytest.raises(ValueError, match="needs its feature table: give it as --vision_features"):
        run(data, output, modalities=["vision"])
    found = {"confusion_matrix": [[1, 0], [0, 1]], "per_class": ["joy", "fear"]}
    monkeypatch.setattr(cross_validation, "run_fold", lambda *_: found)
    run(data, output)  # the run that failed wrote nothing
    run(data, output, per_device_eval_batch_size=3)  # this option changes no result
    for option, value in (("hidden_dropout", 0.4), ("num_folds", 4), ("seed", 1)):
        with pytest.raises(
            ValueError, match=f"with other settings: {option} was .*, is {value}. Continue with the former settings, or"
        ):
            run(data, output, **{option: value})
    with pytest.raises(ValueError, match="with other settings: data was"):
        run(corpus(data, shift=0.5), output)


def test_a_fold_learns_nothing_from_its_test_speakers(tmp_path):
    """Other labels of the test speakers do not change the model of the fold; other labels of the validation speakers do."""
    conversations = [json.loads(line) for line in (corpus(tmp_path / "data") / "train.jsonl").read_text().splitlines()]
    fold = fold_data.divide(conversations, 3)[0]
    models, scores, nothing = [], [], fold_data.FoldData([])
    for name, changed in (("plain", ()), ("test", fold["test"]), ("validation", fold["validation"])):
        for conversation in changed:
            [utterance] = conversation["utterances"]
            utterance["emotion"] = EMOTIONS[EMOTIONS.index(utterance["emotion"]) - 1]
        scores.append(
            cross_validation.run_fold(tmp_path / name, fold, "test", options(tmp_path, num_train_epochs=1), nothing)
        )
        history = json.loads((tmp_path / name / "model" / "training_history.json").read_text())["history"]
        models.append([(tmp_path / name / "model" / "model.safetensors").read_bytes(), history[0]["validation_loss"]])
    assert models[0] == models[1] and models[1][1] != models[2][1]
    assert scores[0]["confusion_matrix"] != scores[1]["confusion_matrix"]


@given(
    st.integers(3, 5), st.lists(st.sets(st.sampled_from("ABCDEFGHIJ"), min_size=1, max_size=2), min_size=3, max_size=12)
)
def test_no_speaker_is_in_two_splits_of_a_fold(number, speakers):
    conversations = [
        {"id": str(n), "utterances": [{"speaker": name, "emotion": "joy"} for name in sorted(names)]}
        for n, names in enumerate(speakers)
    ]
    try:
        folds = fold_data.divide(conversations, number)
    except ValueError as error:
        assert "groups without common speakers" in str(error)
        return
    for fold in folds:
        names = [set(fold_data.speakers_of(rows)) for rows in fold.values()]
        assert not (names[0] & names[1] or names[0] & names[2] or names[1] & names[2])
        assert sum(map(len, fold.values())) == len(conversations)
    for split in ("validation", "test"):
        assert sorted(int(c["id"]) for fold in folds for c in fold[split]) == list(range(len(conversations)))


@given(st.lists(st.sets(st.sampled_from("ABCDEFGHIJ"), min_size=1, max_size=2), min_size=1, max_size=8))
def test_added_conversations_share_no_speaker_with_what_is_scored(speakers):
    conversations = [{"id": name, "utterances": [{"speaker": name, "emotion": "joy"}]} for name in "ABCDEFG"]
    extra = [
        {"id": f"x{n}", "utterances": [{"speaker": name, "emotion": "joy"} for name in sorted(names)]}
        for n, names in enumerate(speakers)
    ]
    for fold in fold_data.divide(conversations, 3, "speaker", extra):
        scored = {*fold_data.speakers_of(fold["validation"]), *fold_data.speakers_of(fold["test"])}
        added = {c["id"] for c in fold["train"] if c["id"].startswith("x")}
        assert added == {f"x{n}" for n, names in enumerate(speakers) if not names & scored}
    by_conversation = fold_data.divide(conversations, 3, "conversation", extra)
    assert all({f"x{n}" for n in range(len(extra))} <= {c["id"] for c in fold["train"]} for fold in by_conversation)


def test_what_cannot_be_divided_is_refused(tmp_path):
    with pytest.raises(ValueError, match="--num_folds is 2, but training, validation and test need at least 3"):
        fold_data.divide([talk(speaker, "joy") for speaker in "ABC"], 2)
    with pytest.raises(ValueError, match=r"Fold \d of 3: no training speaker shows sadness"):
        fold_data.divide([talk("A", "joy"), talk("B", "joy"), talk("C", "sadness")], 3)
    paths = ["--output_dir", str(tmp_path / "cv"), "--cache_dir", str(tmp_path / "cache")]
    with pytest.raises(ValueError, match=r"already has splits \(.*validation.*\): use amuse train and amuse evaluate"):
        cross_validate.main(["--dataset_name", "sample", *paths])
    assert not (tmp_path / "cv").exists()


def test_several_processes_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="runs in a single process"):
        run(corpus(tmp_path / "data"), tmp_path / "cv")


def test_scores_of_a_confusion_matrix():
    scores = fold_scores.scores_of(np.array([[8, 2, 0], [1, 1, 0], [0, 0, 0]]))
    assert scores["num_utterances"] == 12 and scores["accuracy"] == pytest.approx(9 / 12)
    assert scores["unweighted_average_recall"] == pytest.approx((8 / 10 + 1 / 2) / 2)  # the third label does not occur
    assert scores["weighted_f1"] == pytest.approx((10 * (2 * 8 / 19) + 2 * (2 * 1 / 5)) / 12)


def test_recordings_are_named_by_whole_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cross_validation.write_conversations(
        tmp_path / "fold" / "test.jsonl", [talk("A", "joy", audio="wav/a.wav", text=None)]
    )
    [line] = (tmp_path / "fold" / "test.jsonl").read_text().splitlines()
    [utterance] = json.loads(line)["utterances"]
    assert utterance == {"id": "A-joy", "speaker": "A", "emotion": "joy", "audio": str(tmp_path / "wav" / "a.wav")}


def test_options_reach_training_and_evaluation_as_they_were_given():
    given = {"modalities": ["audio", "text"], "freeze_text_model": True, "causal": None, "learning_rate": 5e-5}
    words = as_arguments({**given, "output_dir": "x"})
    data, model, args = parse_arguments(words)
    assert data.modalities == given["modalities"] and model.freeze_text_model and model.causal is None
    # the trainings of the folds get the settings of the recipe and the other options
    words = ["--recipe", "meld", "--layer_decay", "1", "--output_dir", "x"]
    folds, _, *resolved = parse_arguments(words, FoldArguments)
    again = parse_arguments(as_arguments({**asdict(resolved[0]), **asdict(resolved[1])}))
    assert folds.num_folds == 5 and list(again[1:]) == resolved
    assert (resolved[0].text_scope, resolved[1].layer_decay) == ("conversation", 1)
    assert args.learning_rate == 5e-5 and "learning_rate" not in EvaluationArguments.__dataclass_fields__


def test_scenes_of_a_data_set_with_splits(tmp_path, trainings):
    """The validation split chooses the epochs, the test split is not opened, and soft labels belong to their fold."""
    data = corpus(tmp_path / "data")
    lines = (data / "train.jsonl").read_text(encoding="utf-8").splitlines()
    for_validation = "\n".join(lines[:3])
    for emotion in EMOTIONS:
        for_validation = for_validation.replace(f"-{emotion}", f"-validation-{emotion}")
    (data / "validation.jsonl").write_text(for_validation, encoding="utf-8")
    (data / "test.jsonl").write_text("no JSON: this file is not read", encoding="utf-8")
    names = [json.loads(line)["id"] for line in lines]
    votes = ["utterance_id,scene," + ",".join(EMOTIONS)]
    for number, name in enumerate(names):
        counts = [3 if emotion == name.split("-")[1] else 1 for emotion in EMOTIONS]
        votes.append(f"{name},{number // 3}," + ",".join(map(str, counts)))
    (tmp_path / "votes.csv").write_text("\n".join(votes), encoding="utf-8")
    table = str(tmp_path / "votes.csv")
    more = {"groups": table, "soft_labels": table, "num_train_epochs": 1}
    found = run(data, tmp_path / "cv", folds=[2], **more)
    assert len(trainings) == 1 and found["folds"][0]["fold"] == 2
    assert (tmp_path / "cv" / "folds-2-results.json").is_file()
    splits = {
        name: [
            json.loads(line)["id"] for line in (tmp_path / "cv" / "fold-2" / "conversations" / f"{name}.jsonl").open()
        ]
        for name in ("train", "validation", "test")
    }
    assert sorted(splits["train"] + splits["test"]) == sorted(names) and len(splits["validation"]) == 3
    speakers = {name: {identifier[0] for identifier in splits[name]} for name in ("train", "test")}
    assert not speakers["train"] & speakers["test"]  # here, three conversations of one speaker are a scene
    whole = run(data, tmp_path / "cv", **more)
    assert len(trainings) == 3 and whole["pooled"]["num_utterances"] == len(names)
    for folds, message in (([4], "the folds are 1 to 3"), ([0, 1], "--folds must be at least 1, but is 0")):
        with pytest.raises(ValueError, match=message):
            run(data, tmp_path / "other", folds=folds, **more)
    by_emotion = ["utterance_id,scene", *(f"{name},{name.split('-')[1]}" for name in names)]
    (tmp_path / "emotions.csv").write_text("\n".join(by_emotion), encoding="utf-8")
    with pytest.raises(ValueError, match="Fold 1 of 3: no training scene shows"):
        run(data, tmp_path / "lacking", groups=str(tmp_path / "emotions.csv"))
    assert not (tmp_path / "lacking" / "fold-1").exists()
    with pytest.raises(ValueError, match="needs a training split.* and a validation split"):
        run(corpus(tmp_path / "alone"), tmp_path / "other", **more)


def votes_table(path, data, prefix: str = "", changed: int | None = None):
    names = [json.loads(line)["id"] for line in (data / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = ["utterance_id," + ",".join(EMOTIONS)]
    for number, name in enumerate(names):
        share = 2 if number == changed else 3
        counts = [share if emotion == name.split("-")[1] else (5 - share) / 2 for emotion in EMOTIONS]
        rows.append(f"{prefix}{name}," + ",".join(str(count / 5) for count in counts))
    path.write_text("\n".join(rows), encoding="utf-8")
    return str(path)


def further(folder, *texts: str):
    """Conversations with words and voices."""
    rows = [
        {"speaker": "Z", "text": text, "audio_features": [[0.0, 1.0, float(number)]], "emotion": emotion}
        for text in texts
        for number, emotion in enumerate(("love", "fury"))
    ]
    folder.mkdir(exist_ok=True)
    lines = [json.dumps({"utterances": rows[start : start + 2]}) for start in range(0, len(rows), 2)]
    (folder / "train.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return str(folder)


def test_other_votes_or_other_corpora_are_another_cross_validation(tmp_path, trainings):
    data, more = corpus(tmp_path / "data"), {"folds": [1], "num_train_epochs": 1}
    table, extra = votes_table(tmp_path / "votes.csv", data), further(tmp_path / "more", "Who is there?")
    given = {"soft_labels": table, "extra_data": [extra]}
    run(data, tmp_path / "cv", **given, **more)
    run(data, tmp_path / "cv", **given, **more)
    assert len(trainings) == 1
    with pytest.raises(ValueError, match=r"--leave_out_overlap .*needs --extra_data: give it"):
        run(data, tmp_path / "none", leave_out_overlap=True, **more)
    for without in ("soft_labels", "extra_data"):
        with pytest.raises(ValueError, match=f"other settings: the contents of {without} differ. Continue"):
            run(data, tmp_path / "cv", **{k: v for k, v in given.items() if k != without}, **more)
    votes_table(tmp_path / "votes.csv", data, changed=4)
    with pytest.raises(ValueError, match="other settings: the contents of soft_labels differ. Continue"):
        run(data, tmp_path / "cv", **given, **more)
    votes_table(tmp_path / "votes.csv", data)
    further(tmp_path / "more", "Who is there?", "Nobody.")
    with pytest.raises(ValueError, match="other settings: the contents of extra_data differ. Continue"):
        run(data, tmp_path / "cv", **given, **more)
    assert len(trainings) == 1


def test_other_folds_are_another_cross_validation(tmp_path, trainings, capsys):
    data, more = corpus(tmp_path / "data"), {"folds": [2], "num_train_epochs": 1, "num_folds": 6}
    found = run(data, tmp_path / "cv", folds_by="conversation", **more)
    assert found["folds"][0]["fold"] == 2 and "\nfold 2 " in capsys.readouterr().out
    with pytest.raises(ValueError, match="other settings: folds_by was 'conversation', is 'speaker'. Continue"):
        run(data, tmp_path / "cv", **more)
    assert len(trainings) == 1


def test_contributions_of_folds_take_the_tables_that_every_fold_used(tmp_path):
    data, output = corpus(tmp_path / "data"), tmp_path / "cv"
    ids, streams = [], {"audio": [], "vision": []}
    for number, line in enumerate((data / "train.jsonl").read_text().splitlines()):
        utterance = json.loads(line)["utterances"][0]
        ids.append(utterance["id"])
        streams["audio"].append(np.array(utterance["audio_features"], np.float32))
        streams["vision"].append(np.array([[number % 5, number % 7]], np.float32))
    talks = [{"id": name, "utterances": [{"id": name, "speaker": name[0], "emotion": name[2:]}]} for name in ids]
    (data / "train.jsonl").write_text("\n".join(map(json.dumps, talks)), encoding="utf-8")
    tables = {}
    for stream, arrays in streams.items():
        tables[f"{stream}_features"] = str(tmp_path / f"{stream}.parquet")
        write_feature_table(tmp_path / f"{stream}.parquet", dict(zip(ids, arrays, strict=True)), None)
    run(data, output, modalities=["audio", "vision"], experts="constant", num_train_epochs=1, **tables)
    arguments = ["--cross_validation", str(output), "--cache_dir", str(tmp_path / "cache"), "--use_cpu", "true"]
    given = [word for name, path in tables.items() for word in (f"--{name}", path)]
    assert contributions.main([*arguments, *given])["audio"]["num_utterances"] == 18
    with pytest.raises(ValueError, match="leave out --data_dir"):
        contributions.main([*arguments, *given, "--data_dir", str(data)])


def test_votes_are_checked_as_a_whole_and_belong_to_their_utterances_in_every_kind_of_folds(tmp_path, trainings):
    data, more = corpus(tmp_path / "data"), {"folds": [1], "num_train_epochs": 1, "soft_labels_for": "all"}
    other = votes_table(tmp_path / "other.csv", data, prefix="x")
    with pytest.raises(
        ValueError, match="other.csv has 18 utterance id.* the first is 'xA-anger'.* look like 'A-anger'"
    ):
        run(data, tmp_path / "cv", soft_labels=other, **more)
    (tmp_path / "nameless.csv").write_text("anger,boredom,fear\n1,0,0", encoding="utf-8")
    with pytest.raises(ValueError, match="nameless.csv has no column 'utterance_id'"):
        run(data, tmp_path / "cv", soft_labels=str(tmp_path / "nameless.csv"), **more)
    assert not trainings
    run(data, tmp_path / "cv", folds_of="train", soft_labels=votes_table(tmp_path / "votes.csv", data), **more)
    written = (tmp_path / "cv" / "fold-1" / "soft_labels.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(trainings) == 1 and len(written) == 6 and all(line.startswith("train_") for line in written)


def test_no_fold_trains_on_what_occurs_in_the_test_split_of_the_whole_data(tmp_path, trainings):
    data, secret = corpus(tmp_path / "data"), "Nobody must have learned from this line before."
    lines = (data / "train.jsonl").read_text(encoding="utf-8").splitlines()
    names = [json.loads(line)["id"] for line in lines]
    scenes = ["utterance_id,scene", *(f"{name},{number // 3}" for number, name in enumerate(names))]
    (tmp_path / "scenes.csv").write_text("\n".join(scenes), encoding="utf-8")
    (data / "validation.jsonl").write_text("\n".join(lines[:3]).replace('"A-', '"V-'), encoding="utf-8")
    reserved = talk("T", "fear", text=secret, audio_features=[[0.0, 0.0, 1.0]])
    (data / "test.jsonl").write_text(json.dumps(reserved), encoding="utf-8")
    extra = further(tmp_path / "more", secret, "Who is there?")
    more = {"groups": str(tmp_path / "scenes.csv"), "extra_data": [extra], "folds": [1], "num_train_epochs": 1}

    def line_number(n: int) -> str:
        return f"Nobody must have learned from the line with the number {n} before."

    with_texts = [line.replace('"speaker"', f'"text": "{line_number(n)}", "speaker"') for n, line in enumerate(lines)]
    (data / "train.jsonl").write_text("\n".join(with_texts), encoding="utf-8")
    divided = further(tmp_path / "divided", *map(line_number, range(len(lines))))
    with pytest.raises(ValueError, match="conversations of divided overlap: .* with the divided split"):
        run(data, tmp_path / "cv", **{**more, "extra_data": [divided]})
    with pytest.raises(ValueError, match="1 of the 2 conversations of more overlap: 1 with the test split"):
        run(data, tmp_path / "cv", **more)
    assert not trainings
    run(data, tmp_path / "cv", leave_out_overlap=True, **more)
    kept = (tmp_path / "cv" / "extra_data" / "more" / "train.jsonl").read_text(encoding="utf-8")
    settings = json.loads((tmp_path / "cv" / "fold-1" / "model" / "training_history.json").read_text())["settings"]
    assert len(trainings) == 1 and secret not in kept and "Who is there?" in kept
    assert list(settings["model"]["extra_emotions"]) == ["more"]


def conversation_data(splits: dict[str, list[dict]]) -> ConversationData:
    made = {
        name: Dataset.from_list([schema_row(c) for c in rows], CONVERSATION_FEATURES) for name, rows in splits.items()
    }
    return ConversationData(DatasetDict(made), ("joy",), {})


def test_a_fold_leaves_one_session_out():
    names = ["Ses01F_impro01", "Ses01M_script01_1", "Ses02F_impro01", "Ses03M_impro02"]
    talks = [{**talk("A", "joy"), "id": name} for name in names]
    data = conversation_data({"train": talks[1:3], "validation": talks[:1], "test": talks[3:]})
    folds = fold_data.divide(fold_data.all_sessions(data).to_list(), 5, "session")
    assert [{c["id"][:5] for c in fold["test"]} for fold in folds] == [{"Ses01"}, {"Ses02"}, {"Ses03"}]
    for fold in folds:
        shown = [{c["id"][:5] for c in fold[split]} for split in ("train", "validation", "test")]
        assert not shown[0] & shown[1] and not shown[1] & shown[2] and not shown[0] & shown[2]
    named = [fold_data.renamed(talk, "train") for talk in talks]  # as with --folds_of train
    assert [fold_data.session_of(conversation) for conversation in named] == ["Ses01", "Ses01", "Ses02", "Ses03"]
    with pytest.raises(ValueError, match="There are 1 sessions, but training, validation and test need at least 3"):
        fold_data.divide(talks[:2], 5, "session")


def test_splits_are_sessions_whose_ids_begin_anew():
    data = conversation_data({f"session_{n}": [{**talk("A", "joy"), "id": "row_1"}] for n in (1, 2, 3)})
    conversations = fold_data.all_sessions(data).to_list()
    assert [fold_data.session_of(c) for c in conversations] == ["session-1", "session-2", "session-3"]
    assert len({u["id"] for c in conversations for u in c["utterances"]}) == 3
    with pytest.raises(ValueError, match="neither the ids, such as 'row_1', nor the splits"):
        fold_data.all_sessions(conversation_data({"train": [{**talk("A", "joy"), "id": "row_1"}]}))


def test_a_cross_validation_of_an_earlier_version_goes_on(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"num_folds": 3, "learning_rate": 0.1}))
    settings = {"num_folds": 3, "learning_rate": 0.1, "separate_expert_weights": False}
    cross_validation.check_settings(path, settings)
    with pytest.raises(ValueError, match="separate_expert_weights was False, is True"):
        cross_validation.check_settings(path, {**settings, "separate_expert_weights": True})
