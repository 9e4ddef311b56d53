"""The study of explanations: orders of words, the known causes in the controlled corpus, descriptors and their pictures."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from accelerate import Accelerator

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.controlled.controlled_corpus import compose
from modeling_amuse.processing.controlled.drawn_face import EXPRESSIONS
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset
from modeling_amuse.processing.corpora.feature_tables import write_feature_table
from modeling_amuse.processing.corpora.meld import EMOTIONS as MELD_EMOTIONS
from modeling_amuse.processing.evaluation.descriptor_pictures import AttentionMeans
from modeling_amuse.processing.faces import FACE_FEATURES
from modeling_amuse.processing.prosody import PROSODY_FEATURES
from modeling_amuse.scripts import benchmark, explain_study
from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.study.controlled_explanations import (
    check_is_controlled,
    score_explanations,
    units_of_drawing,
)
from modeling_amuse.scripts.study.explanation_study import describe_words, summary_of
from modeling_amuse.scripts.study.word_faithfulness import WordStudy, faithfulness
from modeling_amuse.scripts.training.descriptors import write_descriptors
from tests.small_models import SIZES, small_model

EMOTIONS = ["neutral", "joy"]
TALK = [
    {"speaker": "Ada", "text": "it is a wonderful day for us"},
    {"speaker": "Ben", "text": "yes"},
    {"speaker": "Ada", "text": "", "emotion": "neutral"},
    {"speaker": "Ben", "text": "what a day is it"},
]


@pytest.fixture(scope="module")
def words_model(tmp_path_factory):
    """A folder with a random text model and its processor, and the model and the processor."""
    config, tokenizer = small_text_encoder([u["text"] for u in TALK], 300, dropout=0.0)
    config.update({"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16, "num_hidden_layers": 1})
    torch.manual_seed(0)
    model = small_model(
        **{f"{stream}_feature_size": None for stream in SIZES},
        **{"text_config": config, "num_labels": 2, "id2label": dict(enumerate(EMOTIONS))},
    )
    processor = AmuseProcessor(tokenizer, emotions=EMOTIONS)
    folder = tmp_path_factory.mktemp("words-model")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder, model, processor


def test_the_whole_sentence_is_sufficient_and_its_loss_is_the_same_for_each_order(words_model):
    """With two words, the reversed order removes what the order kept."""
    _, model, processor = words_model
    study = WordStudy(model, processor, TALK, lime_samples=10, random_orders=2, seed=3)
    methods = ["integrated_gradients", "lime", "attention", "random"]
    rows = faithfulness(study, methods)
    assert [row["utterance"] for row in rows if row["method"] == "lime"] == [
        (3, 0),
        (3, 3),
    ]  # the utterances with several words
    assert faithfulness(WordStudy(model, processor, TALK, 10, 2, seed=3), methods) == rows
    # The other methods do not change the random orders. They change how many sentences are read at once, which rounds sums
    # differently.
    alone = pd.DataFrame(faithfulness(WordStudy(model, processor, TALK, 10, 2, seed=3), ["random"]))
    together = pd.DataFrame([row for row in rows if row["method"] == "random"])
    pd.testing.assert_frame_equal(alone, together, rtol=0, atol=1e-6)

    everything = [torch.ones(7, dtype=torch.bool), torch.ones(5, dtype=torch.bool)]
    nothing = [torch.zeros(7, dtype=torch.bool)]
    with torch.no_grad():
        logits = model(**processor(TALK, return_labels=False)).logits[0]
        silent = model(**processor([{**TALK[0], "text": ""}, *TALK[1:]], return_labels=False)).logits[0]
    whole = logits.softmax(dim=-1).amax(dim=-1)
    assert study.probabilities([0, 3], everything).tolist() == pytest.approx(whole[[0, 3]].tolist(), abs=1e-5)
    chosen = int(logits[0].argmax())
    assert study.probabilities([0], nothing).item() == pytest.approx(float(silent[0].softmax(-1)[chosen]), abs=1e-5)


def test_taking_a_word_out_is_reading_the_sentence_without_it(words_model):
    _, model, processor = words_model
    study = WordStudy(model, processor, TALK, 10, 1, seed=0)
    kept = torch.tensor([[True, True, True, False, True, True, True]])
    with torch.no_grad():
        whole = model(**processor(TALK, return_labels=False)).logits[0, 0]
        shorter = [{**TALK[0], "text": "it is a day for us"}, *TALK[1:]]
        logits = model(**processor(shorter, return_labels=False)).logits[0, 0]
    expected = float(logits.softmax(-1)[int(whole.argmax())])
    assert study.probabilities([0], list(kept)).item() == pytest.approx(expected, abs=1e-5)


def test_the_command_prints_and_writes_the_tables(words_model, tmp_path, capsys):
    folder, _, _ = words_model
    data = tmp_path / "data"
    data.mkdir()
    for split in ("train", "validation"):
        talk = [{**u, "emotion": EMOTIONS[place % 2]} for place, u in enumerate(TALK)]
        (data / f"{split}.jsonl").write_text(json.dumps({"id": split, "utterances": talk}) + "\n", encoding="utf-8")
    output = tmp_path / "report.json"
    report = explain_study.main(
        [
            *("words", "--model", str(folder), "--dataset_name", "folder", "--data_dir", str(data)),
            *(
                "--lime_samples",
                "5",
                "--random_models",
                "2",
                "--random_orders",
                "1",
                "--output",
                str(output),
                "--cache_dir",
                str(tmp_path / "c"),
            ),
        ]
    )
    assert json.loads(output.read_text(encoding="utf-8")) == report
    assert report["num_utterances"] == 2 and report["sanity"]["num_utterances"] == 2
    assert report["sanity"]["num_random_models"] == 2
    said = capsys.readouterr().out
    assert "| integrated gradients |" in said and "| random |" in said and "random weights" in said


def test_random_models_that_disagree_cancel_out_and_those_that_agree_do_not():
    def of(*values):
        return {(0, place): {"words": 5, "correlation": value} for place, value in enumerate(values)}

    found = summary_of([of(0.8, 0.5), of(-0.8, 0.5)])
    assert found["mean_correlation"] == pytest.approx(0.25)
    assert found["mean_absolute_correlation"] == pytest.approx(0.65)
    assert found["mean_absolute_of_means"] == pytest.approx(0.25)
    draw = np.random.default_rng(0)
    orders = [[draw.permutation(9) for _ in range(600)] for _ in range(5)]
    own = {place: np.arange(9) for place in range(600)}
    chance = summary_of(
        [
            {
                (0, place): {"words": 9, "correlation": float(np.corrcoef(own[place], order)[0, 1])}
                for place, order in enumerate(several)
            }
            for several in orders
        ]
    )
    for name in ("mean_absolute_correlation", "mean_absolute_of_means"):
        assert chance[name] == pytest.approx(chance[f"{name}_if_independent"], abs=0.02)


def test_correlations_of_long_utterances_are_listed_by_themselves():
    rows = {(0, 0): {"words": 5, "correlation": -1.0}, (0, 1): {"words": 20, "correlation": -0.1}}
    rows[0, 2] = {"words": 41, "correlation": 0.3}
    found = summary_of([rows])
    assert found["num_long"] == 2 and found["mean_absolute_of_long"] == pytest.approx(0.2)
    assert found["mean_absolute_of_long_if_independent"] < 0.2 < found["mean_absolute_correlation_if_independent"]
    report = {"num_utterances": 3, "num_conversations": 1, "split": "test", "methods": {}, "sanity": found}
    assert "2 utterances of at least 20 words | 0.200 |" in describe_words(report)
    del rows[0, 1], rows[0, 2]
    report["sanity"] = summary_of([rows])
    assert report["sanity"]["num_long"] == 0 and "20 words" not in describe_words(report)


def test_short_utterances_have_no_correlation():
    sanity = summary_of([{}, {}])
    assert sanity["num_utterances"] == 0
    report = {"num_utterances": 0, "num_conversations": 1, "split": "test", "methods": {}, "sanity": sanity}
    assert "No utterance has 5 words or more" in describe_words(report)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """
    What rendering and extracting leave of one conversation of each split, without media: in `data` those of draw 0, in `further`
    a test conversation of draw 1. The features of a face are those that MediaPipe would see in joy: a smile.
    """
    folders = {name: tmp_path_factory.mktemp(name) for name in ("data", "further")}
    draw = np.random.default_rng(0)
    for folder, splits, draws in ((folders["data"], ("train", "test"), (0,)), (folders["further"], ("test",), (1,))):
        for split in splits:
            [*_, talk] = compose(0, draws)[split]
            (folder / f"{split}.jsonl").write_text(json.dumps(talk) + "\n", encoding="utf-8")
            for name, columns in (("prosody", PROSODY_FEATURES), ("faces", FACE_FEATURES)):
                rows = {}
                for u in talk["utterances"]:
                    rows[u["id"]] = draw.normal(size=(2, len(columns))) / 10
                    if name == "faces" and u["emotion"] == "joy" and "vision" in u["evidence"]:
                        rows[u["id"]][:, [columns.index(f"mouthSmile{side}") for side in ("Left", "Right")]] += 5
                (folder / "features" / name).mkdir(parents=True, exist_ok=True)
                write_feature_table(folder / "features" / name / f"{split}.parquet", rows, None)
    return folders


@pytest.fixture(scope="module")
def all_senses_model(tmp_path_factory):
    """The folder of a random model of words, prosody and faces."""
    texts = [u["text"] for c in compose(0)["train"] for u in c["utterances"]]
    config, tokenizer = small_text_encoder(texts, 300, dropout=0.0)
    config.update({"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16, "num_hidden_layers": 1})
    sizes = {"text": None, "audio": len(PROSODY_FEATURES), "vision": len(FACE_FEATURES), "background": None}
    labels = {"num_labels": len(MELD_EMOTIONS), "id2label": dict(enumerate(MELD_EMOTIONS))}
    torch.manual_seed(0)
    model = small_model(**{f"{s}_feature_size": n for s, n in sizes.items()}, text_config=config, **labels)
    columns = {"audio": list(PROSODY_FEATURES), "vision": list(FACE_FEATURES)}
    statistics = {s: {"mean": [0.0] * len(n), "std": [1.0] * len(n), "columns": n} for s, n in columns.items()}
    folder = tmp_path_factory.mktemp("all-senses")
    model.save_pretrained(folder)
    AmuseProcessor(tokenizer, emotions=list(MELD_EMOTIONS), feature_statistics=statistics).save_pretrained(folder)
    return folder


def test_the_controlled_study_reads_one_conversation_and_further_draws(rendered, all_senses_model, tmp_path, capsys):
    common = ["controlled", "--model", str(all_senses_model), "--data_dir", str(rendered["data"])]
    common += ["--cache_dir", str(tmp_path / "cache")]
    for explained in ([], ["--explained_dir", str(rendered["further"])]):
        report = explain_study.main([*common, *explained])
        folder = rendered["further" if explained else "data"]
        truth = json.loads((folder / "test.jsonl").read_text(encoding="utf-8"))["utterances"]
        assert report["num_emotional"] == sum(bool(u["evidence"]) for u in truth)
        said = capsys.readouterr().out
        assert f"{report['num_recognized']} of {report['num_emotional']} emotional utterances" in said
        assert set(report["parts"]) == {line.split(" | ")[0].strip("| ") for line in said.splitlines()[4:]}
    (tmp_path / "other").mkdir()
    lines = (rendered["data"] / "test.jsonl").read_text(encoding="utf-8")
    changed = json.loads(lines)
    changed["utterances"] = [{**u, "text": "Hello."} for u in changed["utterances"]]
    (tmp_path / "other" / "test.jsonl").write_text(json.dumps(changed), encoding="utf-8")
    with pytest.raises(ValueError, match="'Hello.', has none of the sentences that show"):
        explain_study.main([*common, "--explained_dir", str(tmp_path / "other")])


def test_a_corpus_whose_sentences_are_others_is_refused(tmp_path):
    utterance = {"id": "c1_1", "emotion": "joy", "evidence": ["text"], "text": "I am so happy! It was the key."}
    check_is_controlled([utterance, {"emotion": "fear", "evidence": ["audio"], "text": "So it is."}], tmp_path)
    with pytest.raises(ValueError, match="'c1_1', 'Hello.', has none of the sentences that show joy"):
        check_is_controlled([{**utterance, "text": "Hello."}], tmp_path)
    with pytest.raises(ValueError, match="'pride', which is none of neutral, surprise"):
        check_is_controlled([{**utterance, "emotion": "pride"}], tmp_path)


def test_a_study_that_does_not_exist_is_refused():
    with pytest.raises(WrongArguments, match="choose from words, controlled"):
        explain_study.main(["faces"])
    assert explain_study.main(["--help"]) == {}


def test_a_model_without_words_is_refused(tmp_path):
    small_model().save_pretrained(tmp_path)
    AmuseProcessor(emotions=["a", "b", "c", "d"]).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="does not read words"):
        explain_study.main(["words", "--model", str(tmp_path), "--data_dir", str(tmp_path)])


def test_first_parts_are_scored_against_the_truth():
    truth = [
        {"emotion": "joy", "evidence": ["text"], "text": "It was the key. I love it!"},
        {"emotion": "joy", "evidence": ["vision", "audio"], "text": "It was the key. I see."},
        {"emotion": "neutral", "evidence": [], "text": "So it is."},
        {"emotion": "anger", "evidence": ["text"], "text": "I hate this! It was the key."},
    ]
    words = [{"start": start, "score": score} for start, score in ((0, 0.1), (16, 0.2), (18, 0.9))]
    face = [
        {"action_unit": unit, "direction": direction, "score": score}
        for unit, direction, score in (("AU26", "less", 2), ("AU63", "more", 0.7), ("AU12", "more", 0.5))
    ]
    explanations = [
        {"target": "joy", "modalities": {"conversation": 9, "text": 1, "vision": 0}, "words": words, "face": []},
        {"target": "joy", "modalities": {"conversation": 0, "text": 2, "vision": 1}, "words": words, "face": face},
        {"target": "joy", "modalities": {"conversation": 0}, "words": [], "face": []},
        {"target": "fear", "modalities": {"conversation": 0}, "words": [], "face": []},
    ]
    others = [{"modalities": {"conversation": 0, "text": 1, "vision": 2}} for _ in truth]
    found = score_explanations(truth, explanations, {"joy": {"AU63"}}, {"AU12", "AU63", "AU2", "AU1"}, others)
    assert (found["num_emotional"], found["num_recognized"]) == (3, 2)
    parts = {name: (row["right"], row["num_utterances"]) for name, row in found["parts"].items()}
    assert parts["modality, against the runner-up"] == (0.5, 2) and parts["word"] == (1.0, 1)
    assert parts["modality, where one alone shows it, against the runner-up"] == (1.0, 1)
    assert parts["modality, where one alone shows it, against all others"] == (0.0, 1)
    assert parts["action, drawn (FACS)"] == (0.0, 1)
    assert parts["action, measured (MediaPipe)"] == (1.0, 1)
    assert parts["action unit, drawn (FACS)"] == (1.0, 1)  # eyes that look up (AU63) are no action of a facial muscle
    assert parts["action unit, measured (MediaPipe)"] == (0.0, 1)
    assert found["parts"]["word"]["by_chance"] == pytest.approx(2 / 3)
    assert found["parts"]["modality, against the runner-up"]["interval"] == pytest.approx((0.0945, 0.9055), abs=1e-3)
    assert found["parts"]["action, measured (MediaPipe)"]["by_chance"] == 0.25
    assert found["parts"]["action unit, drawn (FACS)"]["by_chance"] == pytest.approx(2 / 3)


def test_each_drawn_expression_shows_action_units():
    assert units_of_drawing(EXPRESSIONS["neutral"]) == set()
    assert {"AU12", "AU6"} <= units_of_drawing(EXPRESSIONS["joy"])
    assert {"AU1", "AU2", "AU5", "AU26"} <= units_of_drawing(EXPRESSIONS["surprise"])
    assert all(units_of_drawing(expression) for name, expression in EXPRESSIONS.items() if name != "neutral")


@pytest.mark.parametrize("changes", [{}, {"conversation_modalities": ["text"], "experts": "constant"}])
@pytest.mark.parametrize("pictures", [True, False])
def test_descriptors_are_those_of_the_model(tmp_path, pictures, changes):
    pytest.importorskip("matplotlib")
    torch.manual_seed(0)
    model = small_model(**changes)
    processor = AmuseProcessor(emotions=[f"LABEL_{n}" for n in range(4)])
    draw = np.random.default_rng(0)
    conversations = [
        {
            "id": f"c{number}",
            "utterances": [
                {
                    "id": f"c{number}_{place}",
                    "speaker": "Ada",
                    "index": 3 * number + place,
                    "emotion": "LABEL_1" if place else None,
                    **{f"{stream}_features": draw.normal(size=(4, size)) for stream, size in SIZES.items()},
                }
                for place in range(3)
            ],
        }
        for number in range(2)
    ]

    class Data(ConversationDataset):
        """A data set that returns its conversations unchanged."""

        def __init__(self):
            self.conversations, self.targets, self.corpus = conversations, None, None

        def __len__(self):
            return 2

        def __getitem__(self, number):
            return conversations[number]

    path = tmp_path / "new" / "d.parquet"
    written = write_descriptors(
        model, Data(), processor, Accelerator(cpu=True), model.config.modalities, path, pictures
    )
    frame = pd.read_parquet(path)
    with torch.no_grad():
        outputs = model(**processor(conversations[1], return_labels=False))
    found = np.stack(frame["descriptor"])[3:]
    np.testing.assert_allclose(found, outputs.last_hidden_state[0].numpy(), rtol=1e-4, atol=1e-5)
    assert list(frame["utterance"]) == [f"c{number}_{place}" for number in range(2) for place in range(3)]
    assert list(frame["emotion"].fillna("none")) == ["none", "LABEL_1", "LABEL_1"] * 2
    assert frame[["share_text", "share_audio", "share_vision"]].sum(axis=1).tolist() == pytest.approx([1] * 6)
    names = [file.name for file in written]
    attended = ["d_attention.png"] * (not changes)  # nothing is attended to by a conversation term of one modality
    assert names == ["d.parquet", *(["d_descriptors.png", *attended] if pictures else [])]
    assert all(file.read_bytes().startswith((b"\x89PNG", b"PAR1")) for file in written)


def test_mean_attention_is_by_layer_and_pair():
    """Two utterances with 2 tokens of text and 3 tokens of audio, of which the first utterance has only 2."""
    weights = np.zeros((2, 1, 5, 5))
    weights[:, :, 0:2, 2:4] = 0.5
    weights[1, :, 0:2, 2:5] = [0.0, 0.0, 1.0]
    weights[:, :, 2:4, 0:2] = [1.0, 0.0]
    means = AttentionMeans(("text", "audio"))
    means.add([weights, weights], [0, 0, 1, 1, 1])
    assert means.number == 2 and means.layers == 2
    text_to_audio = means.mean(0, 0, 1)
    assert text_to_audio.shape == (10, 10) and means.mean(0, 0, 0) is None
    np.testing.assert_allclose(text_to_audio[0, 0], 1.0)  # uniform over the unmasked tokens of both utterances


def test_the_benchmark_names_the_parts(words_model, tmp_path):
    folder, _, _ = words_model
    report = benchmark.main(
        ["explain", "--model", str(folder), "--utterances", "3", "--output", str(tmp_path / "b.json")]
    )
    assert {"modalities", "words, voice and face", "context", "everything else"} <= set(report["parts"])
    assert sum(report["parts"].values()) == pytest.approx(report["seconds"])
    with pytest.raises(WrongArguments, match="utterances"):
        benchmark.main(["explain", "--model", str(folder), "--utterances", "0"])
    assert isinstance(AmuseForEmotionRecognition.from_pretrained(folder), AmuseForEmotionRecognition)
