"""train.py with additional corpora and with soft labels: a small training of each, and what is refused."""

import csv
import json

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.corpora.conversation_folder import SAMPLE_DIR
from modeling_amuse.processing.corpora.meld import EMOTIONS
from modeling_amuse.processing.corpora.ravdess import EMOTIONS as RAVDESS_EMOTIONS
from modeling_amuse.scripts import calibrate, cross_validate, evaluate, train
from modeling_amuse.scripts.training.evaluation_arguments import EvaluationArguments
from modeling_amuse.scripts.training.evaluation_data import options_of_training


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """A corpus of text alone."""
    folder = tmp_path_factory.mktemp("words")
    for split, count in (("train", 8), ("validation", 3), ("test", 3)):
        lines = (SAMPLE_DIR / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()[:count]
        (folder / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A corpus of voices and faces without text, like RAVDESS. The voice distinguishes calm from anger."""
    folder = tmp_path_factory.mktemp("clips")
    generator = np.random.default_rng(0)
    emotions = np.tile([2, 5], 16)
    names = [f"03-01-{emotion:02}-01-01-01-{n + 1:02}" for n, emotion in enumerate(emotions)]
    audio = generator.normal(size=(32, 4)) + np.where(emotions == 5, 3, -3)[:, None]
    visual = generator.normal(size=(32, 3))
    actor = np.arange(1, 33)
    np.savez(folder / "ravdess_au_mfcc.npz", name=names, audio=audio, visual=visual, emotion=emotions, actor=actor)
    return folder


def arguments(words, output, *more) -> list[str]:
    fixed = ["--dataset_name", "folder", "--data_dir", words, "--cache_dir", output / "cache", "--hidden_size", 16]
    fixed += ["--num_train_epochs", 2, "--output_dir", output / "model", "--use_cpu", True]
    return list(map(str, [*fixed, *more]))


def history(output) -> dict:
    return json.loads((output / "model" / "training_history.json").read_text(encoding="utf-8"))


def test_one_model_of_words_and_of_voices_and_faces_answers_for_each(words, clips, tmp_path, caplog):
    extra = ["--extra_data", f"ravdess={clips}", "--learning_rate", 0.01]
    train.main(arguments(words, tmp_path, *extra, "--num_train_epochs", 6))
    model = AmuseForEmotionRecognition.from_pretrained(tmp_path / "model")
    processor = AmuseProcessor.from_pretrained(tmp_path / "model")
    assert model.config.modalities == ("text", "audio", "vision")
    assert model.config.extra_emotions == {"ravdess": list(RAVDESS_EMOTIONS)}
    assert processor.feature_statistics.keys() == {"audio", "vision"}

    talk = processor([{"speaker": "Ada", "text": "I got the job!"}, {"speaker": "Ben", "text": "Oh no."}])
    clip = processor([{"speaker": "01", "audio_features": [3.0] * 4, "vision_features": [0.0] * 3}])
    with torch.no_grad():
        assert model(**talk).logits.shape == (1, 2, len(EMOTIONS))
        logits = model(**clip, corpus="ravdess").logits
    assert logits.shape == (1, 1, len(RAVDESS_EMOTIONS))
    assert RAVDESS_EMOTIONS[logits.argmax()] == "anger"

    asked = [
        "--model",
        tmp_path / "model",
        "--pictures",
        False,
        "--num_resamples",
        0,
        "--cache_dir",
        tmp_path / "cache",
    ]
    own = ["--dataset_name", "folder", "--data_dir", words, "--modalities", "text", "--output", tmp_path / "own.json"]
    scores = evaluate.main(list(map(str, [*asked, *own])))
    assert list(scores["per_class"]) == list(EMOTIONS)
    scores = evaluate.main(list(map(str, [*asked, *own[:4], "--output", tmp_path / "without.json"])))
    assert scores["modalities"] == ["text"]  # those that the data has
    main_history = ["--model", tmp_path / "model", "--dataset_name", "folder", "--data_dir", words]
    assert calibrate.main(list(map(str, [*main_history, "--cache_dir", tmp_path / "cache"])))["temperature"] > 0
    assert "fitted without audio and vision, but are used for all inputs: calibrate on data with" in caplog.text
    other = ["--dataset_name", "ravdess", "--data_dir", clips, "--modalities", "audio", "vision", "--split", "train"]
    other += ["--corpus", "ravdess", "--output", tmp_path / "other.json"]
    scores = evaluate.main(list(map(str, [*asked, *other[:4], *other[7:]])))
    assert scores["accuracy"] > 0.9 and scores["corpus"] == "ravdess"
    assert scores["modalities"] == ["audio", "vision"]  # no utterance has words
    assert "The data has no text: audio and vision alone are read." in caplog.text
    with pytest.raises(ValueError, match="no corpus 'films'; it has ravdess"):
        evaluate.main(list(map(str, [*asked, *other, "--corpus", "films"])))


def test_words_that_the_data_lacks_are_left_out_or_refused(words, clips, tmp_path, tiny_text_encoder, caplog):
    frozen = ["--text_model", tiny_text_encoder[0], "--freeze_text_model", "--num_train_epochs", 1]
    train.main(arguments(words, tmp_path / "several", *frozen, "--extra_data", f"ravdess={clips}"))
    train.main(arguments(words, tmp_path / "alone", "--num_train_epochs", 1))
    asked = ["--pictures", False, "--num_resamples", 0, "--output", tmp_path / "scores.json"]
    other = ["--dataset_name", "ravdess", "--data_dir", clips, "--corpus", "ravdess", "--split", "train"]
    found = evaluate.main(list(map(str, ["--model", tmp_path / "several" / "model", *other, *asked])))
    assert found["modalities"] == ["audio", "vision"]
    assert "The data has no text: audio and vision alone are read." in caplog.text

    silent = tmp_path / "silent"
    silent.mkdir()
    for split in ("train", "validation", "test"):
        conversations = map(json.loads, (words / f"{split}.jsonl").read_text(encoding="utf-8").splitlines())
        rows = [{**c, "utterances": [{**u, "text": " "} for u in c["utterances"]]} for c in conversations]
        (silent / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    own = ["--dataset_name", "folder", "--data_dir", silent]
    for name in ("several", "alone"):
        with pytest.raises(
            ValueError, match="trained with text, but the data has none: give texts in the conversations"
        ):
            evaluate.main(list(map(str, ["--model", tmp_path / name / "model", *own, *asked])))


def test_options_of_the_training_are_for_its_own_data_and_not_for_a_further_corpus(tmp_path):
    settings = {"settings": {"dataset_name": "folder", "emotions": ["joy", "anger"]}}
    (tmp_path / "training_history.json").write_text(json.dumps(settings), encoding="utf-8")
    for corpus, emotions in ((None, ["joy", "anger"]), ("clips", None)):
        args = EvaluationArguments(model=str(tmp_path), dataset_name="folder", corpus=corpus)
        assert options_of_training(args, Accelerator(cpu=True)).emotions == emotions


def test_further_corpora_first_and_a_training_that_goes_on(words, clips, tmp_path):
    extra = ["--extra_data", f"ravdess={clips}", "--extra_data_first", 1, "--num_train_epochs", 1]
    train.main(arguments(words, tmp_path / "whole", *extra))
    whole = history(tmp_path / "whole")
    assert [line["epoch"] for line in whole["history"]] == [1, 2]
    # the number of epochs ends the training after the first epoch
    with pytest.MonkeyPatch.context() as patch:
        from modeling_amuse.scripts.training import training_loop

        real, calls = training_loop.train_epoch, []

        def stopped(*given):
            calls.append(given)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return real(*given)

        patch.setattr(training_loop, "train_epoch", stopped)
        with pytest.raises(KeyboardInterrupt):
            train.main(arguments(words, tmp_path / "stopped", *extra))
    train.main(arguments(words, tmp_path / "stopped", *extra, "--resume_from_checkpoint", "latest"))
    losses = [[line["train_loss"] for line in history(tmp_path / name)["history"]] for name in ("whole", "stopped")]
    assert losses[0] == losses[1]


def test_a_fold_of_words_with_a_further_corpus_of_voices_is_scored(words, clips, tmp_path):
    """The folds have words alone, the model also reads the voice and the face."""
    folder = tmp_path / "words"
    folder.mkdir()
    (folder / "train.jsonl").write_text((words / "train.jsonl").read_text(encoding="utf-8"), encoding="utf-8")
    given = ["--dataset_name", "folder", "--data_dir", folder, "--cache_dir", tmp_path / "cache", "--hidden_size", 16]
    given += ["--extra_data", f"ravdess={clips}", "--num_train_epochs", 1, "--output_dir", tmp_path / "cv"]
    given += ["--num_folds", 3, "--folds_by", "conversation", "--use_cpu", True, "--emotions", "neutral", "joy"]
    cross_validate.main(list(map(str, given)))
    scored = [json.loads(path.read_text(encoding="utf-8")) for path in (tmp_path / "cv").glob("**/test_results.json")]
    assert len(scored) == 3 and all(scores["modalities"] == ["text"] for scores in scored)


def write_votes(path, words, change=None):
    """The votes of five people for each training utterance: three for the label, two for neutral."""
    rows = []
    for line in (words / "train.jsonl").read_text(encoding="utf-8").splitlines():
        conversation = json.loads(line)
        for position, utterance in enumerate(conversation["utterances"]):
            votes = dict.fromkeys(EMOTIONS, 0)
            votes[utterance["emotion"]] += 3
            votes["neutral"] += 2
            rows.append({"utterance_id": utterance.get("id", f"{conversation['id']}_{position}"), **votes})
    if change is not None:
        change(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_soft_labels_change_what_is_learned(words, tmp_path):
    votes = write_votes(tmp_path / "votes.csv", words)
    train.main(arguments(words, tmp_path / "hard"))
    train.main(arguments(words, tmp_path / "soft", "--soft_labels", votes))
    assert (
        history(tmp_path / "hard")["history"][0]["train_loss"] != history(tmp_path / "soft")["history"][0]["train_loss"]
    )
    # if a training uses a part of the conversations, the table may contain the others
    train.main(arguments(words, tmp_path / "share", "--soft_labels", votes, "--train_fraction", 0.5))
    assert AmuseConfig.from_pretrained(tmp_path / "soft" / "model").extra_emotions is None
    with pytest.raises(ValueError, match="made with other settings.*data"):
        write_votes(votes, words, lambda rows: rows.pop())
        train.main(arguments(words, tmp_path / "soft", "--soft_labels", votes, "--resume_from_checkpoint", "latest"))


def test_r_drop_and_dropout_of_layers_train(words, tmp_path, tiny_text_encoder):
    levers = ["--text_model", tiny_text_encoder[0], "--r_drop", 0.5, "--text_layer_dropout", 0.3]
    train.main(arguments(words, tmp_path, *levers))
    line = history(tmp_path)["history"][-1]
    assert line["train_consistency_loss"] > 0
    parts = line["train_classification_loss"] + line["train_modality_loss"] + line["train_consistency_loss"]
    assert line["train_loss"] == pytest.approx(parts, rel=1e-5)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("voices", "emodb has no text, but the model reads nothing else: .* give its utterances features"),
        (
            "texts beside text features",
            "more has no text features, but the model reads nothing else: let the model read",
        ),
        ("texts beside voices", "more has no audio features, but the model reads nothing else: let the model read"),
        ("voices beside both", "emodb has no text and no audio features, but"),
    ],
)
def test_an_extra_corpus_of_which_the_model_reads_nothing_is_refused(words, tmp_path, kind, message):
    (tmp_path / "clips" / "wav").mkdir(parents=True)
    for clip in ("03a01Fa", "03a01Wa"):
        (tmp_path / "clips" / "wav" / f"{clip}.wav").write_bytes(b"sound")
    (tmp_path / "more").mkdir()
    talk = [{"speaker": "A", "text": text, "emotion": emotion} for text, emotion in (("Hm.", "love"), ("No!", "fury"))]
    (tmp_path / "more" / "train.jsonl").write_text(json.dumps({"utterances": talk}), encoding="utf-8")
    lines = ["utterance_id,first,second"]
    for split in ("train", "validation"):
        for line in (words / f"{split}.jsonl").read_text(encoding="utf-8").splitlines():
            conversation = json.loads(line)
            for place, utterance in enumerate(conversation["utterances"]):
                identifier = utterance.get("id", f"{conversation['id']}_{place}")
                lines.append(f"{identifier},{place},{len(lines)}")
    (tmp_path / "table.csv").write_text("\n".join(lines), encoding="utf-8")
    options = {
        "voices": [],
        "texts beside text features": ["--text_features", tmp_path / "table.csv"],
        "texts beside voices": ["--audio_features", tmp_path / "table.csv", "--modalities", "audio"],
        "voices beside both": ["--audio_features", tmp_path / "table.csv"],
    }
    corpus = f"emodb={tmp_path / 'clips'}" if kind.startswith("voices") else tmp_path / "more"
    with pytest.raises(ValueError, match=message):
        train.main(arguments(words, tmp_path, "--extra_data", corpus, *options[kind]))
    assert not (tmp_path / "model").exists()


def test_bad_input_is_refused_before_the_training(words, clips, tmp_path):
    def refused(message, *more):
        with pytest.raises(ValueError, match=message):
            train.main(arguments(words, tmp_path / "refused", *more))
        assert not (tmp_path / "refused" / "model").exists()

    def forget_a_vote(rows):
        rows[3]["neutral"] -= 1

    wrong = write_votes(tmp_path / "wrong.csv", words, forget_a_vote)
    refused("its numbers sum to 4, but the table contains votes, 5 in other rows", "--soft_labels", wrong)
    unknown = write_votes(tmp_path / "unknown.csv", words, lambda rows: rows[0].update(utterance_id="dia9_utt9"))
    refused(
        "1 utterance id.* that the training split does not have, the first is 'dia9_utt9'", "--soft_labels", unknown
    )
    silent = tmp_path / "silent"
    silent.mkdir()
    (silent / "train.jsonl").write_text('{"utterances": [{"speaker": "A", "text": "Well."}]}', encoding="utf-8")
    refused("silent: its training utterances show no emotion", "--extra_data", silent)
    leaked = tmp_path / "leaked"
    leaked.mkdir()
    (leaked / "train.jsonl").write_text((words / "test.jsonl").read_text(encoding="utf-8"), encoding="utf-8")
    refused("3 of the 3 conversations of leaked overlap: 3 with the test split", "--extra_data", leaked)
    refused("no conversation is left to train on", "--extra_data", leaked, "--leave_out_overlap")
    refused("--extra_data_first needs --extra_data", "--extra_data_first", 1)
    refused("--r_drop must be at least 0", "--r_drop", -1)
    refused("--text_layer_dropout .*needs --text_model", "--text_layer_dropout", 0.1)
    refused("--r_drop reads each utterance twice", "--r_drop", 1, "--contrastive_loss", "in_batch")
    two = tmp_path / "two"
    two.mkdir()
    row = {"speaker": "A", "audio_features": [1.0, 2.0]}
    talk = {"utterances": [{**row, "emotion": "joy"}, {**row, "emotion": "anger"}]}
    (two / "train.jsonl").write_text(json.dumps(talk), encoding="utf-8")
    refused(
        "the audio features of two [(]size 2[)] and of ravdess [(]size 4[)]", "--extra_data", f"ravdess={clips}", two
    )
