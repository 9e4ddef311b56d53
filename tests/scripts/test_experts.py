"""The experts of a trained model: heads, weights, and the training stage that fits them."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from datasets import Dataset
from scipy.special import log_softmax
from transformers import AutoTokenizer

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset
from modeling_amuse.processing.corpora.feature_tables import FeatureTable
from modeling_amuse.scripts import train
from modeling_amuse.scripts.study.controlled_evidence import recognize_split
from modeling_amuse.scripts.training import contributions
from modeling_amuse.scripts.training.expert_fitting import (
    Calibration,
    ExpertData,
    all_classes,
    expert_terms,
    fit_head,
    fit_weights,
    held_out_losses,
    is_better,
    log_prior,
    losses,
)
from modeling_amuse.scripts.training.expert_stage import compare, read_split
from tests.small_models import small_config, with_experts

LABELS = 4


def drawn(rows: int, seed: int, weights: dict[str, float], half: float = 0.0, noise: float = 0.0) -> ExpertData:
    """Utterances whose emotions are drawn from a product of experts with these weights."""
    generator = np.random.default_rng(seed)
    truth = np.random.default_rng(5)  # all splits have the same maps
    maps = {"text": truth.normal(size=(6, LABELS)), "audio": truth.normal(size=(5, LABELS))}
    inputs = {m: generator.normal(size=(rows, len(maps[m]))) * 3 + 1 for m in maps}
    present = {"text": np.ones(rows, bool), "audio": generator.random(rows) < 0.8}
    evidence = {"text": np.full(rows, 5.0), "audio": generator.uniform(0.2, 4.0, rows)}
    conversation = generator.normal(size=(rows, LABELS))
    scores = conversation.copy()
    for m, weight in weights.items():
        share = evidence[m] / (evidence[m] + (half if m == "audio" else 0.0))
        scores += (weight * share * present[m])[:, None] * (((inputs[m] - 1) / 3) @ maps[m])
    scores += noise * generator.normal(size=scores.shape)
    probabilities = np.exp(log_softmax(scores, axis=1))
    labels = np.array([generator.choice(LABELS, p=row) for row in probabilities])
    return ExpertData(labels, np.arange(rows) // 8, conversation, inputs, present, evidence)


def test_the_prior_of_a_conversation_without_words_has_no_weight():
    data = drawn(4, 1, {"text": 1.0})
    data.is_prior = np.array([True, False, True, False])
    found = Calibration("constant", conversation_weight=3.0).logits(data, {})
    np.testing.assert_allclose(found, data.logits * np.array([1, 3, 1, 3])[:, None])


@pytest.mark.parametrize("kind", ["constant", "adaptive"])
def test_weights_are_fitted_in_full_precision_whatever_the_model_computes_in(kind):
    weights = {"text": 1.2, "audio": 0.7}
    train_data, validation = drawn(300, 1, weights, half=1.0), drawn(300, 2, weights, half=1.0)
    heads = {modality: fit_head(train_data, validation, modality, LABELS) for modality in weights}
    terms = expert_terms(validation, heads, log_prior(train_data.labels, LABELS))
    exact = fit_weights(validation, terms, kind)
    single = replace(
        validation,
        logits=validation.logits.astype(np.float32),
        evidence={modality: values.astype(np.float32) for modality, values in validation.evidence.items()},
    )
    found = fit_weights(single, terms, kind)
    assert found.conversation_weight == pytest.approx(exact.conversation_weight, abs=1e-2)
    assert found.weights == pytest.approx(exact.weights, abs=2e-2)
    assert found.half_evidence == pytest.approx(exact.half_evidence, rel=0.1, abs=0.1)
    assert list(found.weights.values()) != [0.3, 0.3]  # the start of the optimizer


def test_a_head_reads_its_modality_and_is_regularized():
    train_data, validation = drawn(400, 1, {"text": 1.0, "audio": 1.0}), drawn(400, 2, {"text": 1.0, "audio": 1.0})
    head = fit_head(train_data, validation, "audio", LABELS)
    uniform = np.log(LABELS)
    assert head.negative_log_likelihood < uniform - 0.05
    assert head.center == pytest.approx(train_data.inputs["audio"][train_data.present["audio"]].mean(axis=0))
    rows = validation.present["audio"]
    assert head.negative_log_likelihood == pytest.approx(
        losses(head.log_probabilities(validation.inputs["audio"][rows]), validation.labels[rows]).mean()
    )
    # for values without information, the strongest regularization is chosen, and the expert predicts the frequencies
    generator = np.random.default_rng(0)
    for data in (train_data, validation):
        data.inputs["audio"] = generator.normal(size=(400, 60))
    weak = fit_head(train_data, validation, "audio", LABELS)
    assert weak.strength < head.strength
    assert abs(weak.weight).max() < 0.1


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_an_absent_stream_is_the_mean_when_a_head_is_fitted(share):
    data, validation = drawn(400, 1, {"text": 1.0}), drawn(200, 2, {"text": 1.0})
    absent = np.random.default_rng(0).random(400) < share
    data.inputs["text"][absent, 3:] = np.nan
    head = fit_head(data, validation, "text", LABELS)
    known = data.inputs["text"][~absent, 3:]
    np.testing.assert_allclose(head.center[3:], known.mean(axis=0) if len(known) else 0.0)
    np.testing.assert_allclose(head.scale[3:], known.std(axis=0) if len(known) else 1.0)
    assert (head.standardized(data.inputs["text"])[absent, 3:] == 0).all()
    at_mean = np.where(np.isnan(data.inputs["text"]), head.center, data.inputs["text"])
    np.testing.assert_allclose(head.log_probabilities(data.inputs["text"]), head.log_probabilities(at_mean))


def test_an_expert_is_fitted_to_what_the_saved_model_reads(tmp_path):
    """Of the two streams of vision, some utterances have the background alone."""
    data = talks({"vision": 3, "background": 2}, conversations=30)
    rows = data.tables["background"]
    data.tables["background"] = FeatureTable(
        [f"{c}_{u}" for c in range(30) for u in range(10)],
        np.resize(rows.values + 7, (300, 2)),
        np.ones(300, dtype=int),
    )
    config = small_config(
        text_feature_size=None, audio_feature_size=None, vision_feature_size=3, background_feature_size=2
    )
    model, processor = AmuseForEmotionRecognition(config).eval(), AmuseProcessor(emotions=["joy", "b", "c", "d"])
    model.amuse.add_experts()
    asked = []
    model.amuse.experts.heads["vision"].register_forward_hook(lambda module, inputs, output: asked.append(inputs[0]))
    accelerator = Accelerator(cpu=True)
    read = read_split(model, processor, data, accelerator, 30)
    inputs = read.inputs["vision"]
    lacking = np.isnan(inputs).any(axis=1)
    assert 0 < lacking.sum() < len(inputs) and not np.isnan(inputs[:, -2:]).any()
    expert = model.amuse.experts.heads["vision"]
    expert.center.copy_(torch.as_tensor(np.nanmean(inputs, axis=0)))
    summary = expert.summary(asked[-1]).numpy()
    np.testing.assert_allclose(summary, np.where(np.isnan(inputs), expert.center.numpy(), inputs), rtol=1e-5)


def test_extreme_values_are_clipped_and_counted():
    train_data, validation = drawn(200, 1, {"text": 1.0}), drawn(200, 2, {"text": 1.0})
    train_data.inputs["text"][:3, 0] = 1e4
    head = fit_head(train_data, validation, "text", LABELS)
    assert head.num_clipped == 3
    wild = np.full((1, 6), 1e9)
    assert np.isfinite(head.log_probabilities(wild)).all() and abs(head.standardized(wild)).max() == 5


def test_emotions_that_training_lacks_are_unlikely_but_possible():
    train_data, validation = drawn(200, 1, {"text": 1.0}), drawn(200, 2, {"text": 1.0})
    for kept in ([0, 2, 3], [1, 3]):
        rows = np.isin(train_data.labels, kept)
        some = ExpertData(
            train_data.labels[rows],
            train_data.conversations[rows],
            train_data.logits[rows],
            *(
                {m: values[rows] for m, values in of.items()}
                for of in (train_data.inputs, train_data.present, train_data.evidence)
            ),
        )
        head = fit_head(some, validation, "text", LABELS)
        log_probabilities = head.log_probabilities(validation.inputs["text"])
        assert np.isfinite(log_probabilities).all()
        lacking = [label for label in range(LABELS) if label not in kept]
        assert log_probabilities[:, lacking].mean() < log_probabilities[:, kept].mean() - 2


def test_two_emotions_have_the_probabilities_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    generator = np.random.default_rng(0)
    inputs, labels = generator.normal(size=(50, 3)), generator.integers(0, 2, 50) * 2 + 1
    regression = LogisticRegression().fit(inputs, labels)
    weight, bias = all_classes(regression, 4)
    probabilities = np.exp(log_softmax(inputs @ weight.T + bias, axis=1))[:, [1, 3]]
    assert probabilities / probabilities.sum(axis=1, keepdims=True) == pytest.approx(regression.predict_proba(inputs))


def fitted(kind: str, rows: int = 6000, separate_weights: bool = False, **truth):
    train_data, validation = drawn(rows, 1, **truth), drawn(rows, 2, **truth)
    prior = log_prior(train_data.labels, LABELS)
    heads = {m: fit_head(train_data, validation, m, LABELS) for m in ("text", "audio")}
    terms = expert_terms(validation, heads, prior)
    return fit_weights(validation, terms, kind, separate_weights=separate_weights), validation, terms


@pytest.mark.parametrize("separate", [False, True])
def test_weights_are_where_the_likelihood_is_best(separate):
    calibration, data, terms = fitted("constant", 1500, separate, weights={"text": 1.0, "audio": 0.5})
    best = losses(calibration.logits(data, terms), data.labels).mean()
    assert (len(set(calibration.weights.values())) == 1) is not separate
    for names in (["text"], ["audio"]) if separate else (["text", "audio"],):
        for step in (0.9, 1.1):
            moved = Calibration("constant", calibration.conversation_weight, {**calibration.weights})
            moved.weights |= {name: moved.weights[name] * step for name in names}
            assert losses(moved.logits(data, terms), data.labels).mean() > best
    for step in (0.9, 1.1):
        moved = Calibration("constant", calibration.conversation_weight * step, calibration.weights)
        assert losses(moved.logits(data, terms), data.labels).mean() > best
    assert all(weight >= 0 for weight in calibration.weights.values())


def test_an_expert_that_misleads_gets_the_weight_zero():
    _, data, terms = fitted("constant", rows=800, weights={"text": 1.0, "audio": 1.0})
    terms["audio"] = -terms["audio"]
    assert fit_weights(data, terms, "constant", separate_weights=True).weights["audio"] == pytest.approx(0, abs=1e-6)


def test_one_weight_for_all_experts_stays_where_the_conversation_knows_nearly_everything():
    _, data, terms = fitted("constant", rows=160, weights={"text": 1.0, "audio": 1.0})
    data.logits += 3.5 * np.eye(LABELS)[data.labels]
    separate = fit_weights(data, terms, "constant", separate_weights=True).weights
    assert separate["audio"] > 10 * separate["text"]  # so that the text contributes nothing, whatever it says
    together = fit_weights(data, terms, "constant").weights
    assert together["text"] == together["audio"] > 0.1


def test_adaptive_finds_that_short_voices_tell_less():
    adaptive, data, terms = fitted("adaptive", weights={"text": 1.0, "audio": 2.0}, half=2.0)
    assert adaptive.half_evidence["audio"] > 0.5
    conversations = data.conversations
    constant = held_out_losses(data, terms, "constant")
    assert is_better(held_out_losses(data, terms, "adaptive"), constant, conversations)
    assert not is_better(constant, held_out_losses(data, terms, "adaptive"), conversations)


def test_the_simplest_kind_is_chosen_unless_another_is_clearly_better():
    useless = [drawn(400, seed, {}) for seed in (1, 2)]
    found = compare(*useless, ("text", "audio"), LABELS, "auto")
    assert found["calibration"].kind == "none" and "standard error" in found["reason"]
    telling = [drawn(400, seed, {"text": 1.0, "audio": 1.0}) for seed in (1, 2)]
    found = compare(*telling, ("text", "audio"), LABELS, "auto")
    assert found["calibration"].kind in ("constant", "adaptive")
    assert found["losses"]["constant"].mean() < found["losses"]["none"].mean()
    assert found["losses"]["constant"].mean() < found["losses"]["text alone"].mean()
    few = compare(*(drawn(72, seed, {"text": 1.0}) for seed in (1, 2)), ("text", "audio"), LABELS, "auto")
    assert few["calibration"].kind == "none" and "too few to compare" in few["reason"]
    asked = compare(*(drawn(72, seed, {"text": 1.0}) for seed in (1, 2)), ("text", "audio"), LABELS, "adaptive")
    assert asked["calibration"].kind == "adaptive"


ARGUMENTS = [
    "--dataset_name",
    "sample",
    "--preset",
    "small",
    "--hidden_size",
    "16",
    "--num_train_epochs",
    "1",
    "--use_cpu",
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experts") / "model"
    record = train.main([*ARGUMENTS, "--experts", "adaptive", "--output_dir", str(folder)])
    return folder, record


def test_one_call_trains_the_conversation_and_its_experts(trained):
    folder, record = trained
    model = AmuseForEmotionRecognition.from_pretrained(folder)
    assert model.config.experts == record.experts["kind"] == "adaptive"
    assert model.config.expert_weights == pytest.approx(record.experts["weights"])
    assert AmuseProcessor.from_pretrained(folder).evidence == {"text": "words"}
    assert json.loads((folder / "training_history.json").read_text())["experts"] == record.experts
    talk = [{"speaker": "Ada", "text": "Oh no, what is that?"}, {"speaker": "Ben", "text": "I am so happy for you!"}]
    with torch.no_grad():
        outputs = model.eval()(**AmuseProcessor.from_pretrained(folder)(talk, return_labels=False))
    assert outputs.expert_terms.abs().sum() > 0
    half = record.experts["half_evidence"]["text"]
    expected = [record.experts["weights"]["text"] * n / (n + half) for n in (5, 6)]
    assert outputs.expert_weights[0, :, 0].tolist() == pytest.approx(expected, rel=1e-4)


def test_a_training_that_was_stopped_before_its_experts_goes_on_with_them(trained, tmp_path):
    folder, record = trained
    stopped = tmp_path / "model"
    shutil.copytree(folder, stopped)
    (stopped / "training_history.json").unlink()
    state = stopped / "checkpoints" / "epoch-1" / "state.json"
    numbers = json.loads(state.read_text())
    assert numbers["progress"]["experts"] == record.experts
    numbers["progress"]["experts"] = None  # stopped after the model was written, but before the record of its experts
    state.write_text(json.dumps(numbers))
    resume = ["--resume_from_checkpoint", "latest", "--output_dir", str(stopped)]
    again = train.main([*ARGUMENTS, "--experts", "adaptive", *resume])
    assert again.experts == record.experts
    ours, theirs = (AmuseForEmotionRecognition.from_pretrained(path).state_dict() for path in (stopped, folder))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    written = (stopped / "model.safetensors").stat().st_mtime_ns
    assert train.main([*ARGUMENTS, "--experts", "adaptive", *resume]).experts == record.experts
    assert (stopped / "model.safetensors").stat().st_mtime_ns == written  # nothing had to be repeated


def test_the_preset_of_the_paper_is_without(tmp_path):
    from modeling_amuse.scripts.training.training_arguments import parse_arguments

    for arguments, wanted in (
        ([], "auto"),
        (["--preset", "small"], "auto"),
        (["--preset", "paper"], "none"),
        (["--preset", "paper", "--experts", "constant"], "constant"),
    ):
        assert parse_arguments([*arguments, "--output_dir", str(tmp_path)])[1].wanted_experts == wanted


def talks(sizes: dict[str, int], conversations: int = 12, utterances: int = 10) -> ConversationDataset:
    """Conversations in which every third utterance has no voice."""
    generator = np.random.default_rng(0)
    ids = [f"{c}_{u}" for c in range(conversations) for u in range(utterances)]
    rows = [
        {
            "id": str(c),
            "utterances": [
                {"id": f"{c}_{u}", "speaker": "AB"[u % 2], "text": "x", "emotion": "joy"} for u in range(utterances)
            ],
        }
        for c in range(conversations)
    ]
    tables = {}
    for stream, size in sizes.items():
        own = [name for number, name in enumerate(ids) if stream == "text" or number % 3]
        values = generator.normal(size=(len(own), size)).astype(np.float32)
        tables[stream] = FeatureTable(own, values, np.ones(len(own), dtype=int))
    return ConversationDataset(Dataset.from_list(rows), tables)


def compared(model, names: list[str], dataset: ConversationDataset) -> dict[str, dict]:
    found = contributions.compare(model, AmuseProcessor(emotions=names), dataset, batch_size=5)
    return {modality: contributions.summary(*pair) for modality, pair in found.items()}


def test_contributions_are_compared_with_what_happens_without_a_modality():
    sizes, names = {"text": 6, "audio": 3}, ["neutral", "joy", "fear", "anger"]
    torch.manual_seed(0)
    config = small_config(
        vision_feature_size=None,
        background_feature_size=None,
        experts="constant",
        expert_weights={"text": 1.0, "audio": 2.0},
        id2label=dict(enumerate(names)),
    )
    model = with_experts(AmuseForEmotionRecognition(config).eval())
    torch.nn.init.zeros_(model.classifier.weight)  # then the experts alone determine the prediction
    results = compared(model, names, talks(sizes))
    assert results["text"]["num_utterances"] == 120 and results["audio"]["num_utterances"] == 80
    for row in results.values():
        assert row["deviation"] > 0.1 and row["correlation"] > 0.5
    assert len(contributions.describe(results).splitlines()) == 3

    model.config.expert_weights = {"text": 1.0, "audio": 0.0}  # an expert that is not used
    silent = compared(model, names, talks(sizes))["audio"]
    assert silent["mean"] == silent["deviation"] == 0 and silent["correlation"] is None


def test_the_conversation_belongs_to_the_only_modality_that_it_reads():
    sizes, names = {"text": 6, "audio": 3}, ["neutral", "joy", "fear", "anger"]
    torch.manual_seed(0)
    fields = {"vision_feature_size": None, "background_feature_size": None, "id2label": dict(enumerate(names))}
    fields |= {"experts": "constant", "conversation_modalities": ["text"]}
    model = with_experts(AmuseForEmotionRecognition(small_config(**fields)).eval())
    results = compared(model, names, talks(sizes))
    assert list(results) == ["text", "audio", "text with conversation"]
    both, alone = results["text with conversation"], results["text"]
    assert (both["num_utterances"], both["mean_drop"]) == (alone["num_utterances"], alone["mean_drop"])
    assert both["deviation"] != alone["deviation"]
    assert results["audio"]["correlation"] > 0.5  # nothing else reads the voice
    assert len({len(line) for line in contributions.describe(results).splitlines()}) == 1

    for parameter in model.classifier.parameters():  # a conversation that says nothing adds nothing
        torch.nn.init.zeros_(parameter)
    torch.nn.init.constant_(model.amuse.experts.log_prior, -np.log(4))
    results = compared(model, names, talks(sizes))
    both, alone = results["text with conversation"], results["text"]
    assert both == pytest.approx(alone, abs=1e-6)


def test_contributions_need_experts(tmp_path):
    AmuseForEmotionRecognition(small_config()).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="has no experts: train one with --experts constant or adaptive"):
        contributions.contributions(contributions.ContributionArguments(model=str(tmp_path)))


def test_extreme_features_are_reported_and_clipped():
    table = FeatureTable(["a", "b", "c"], np.array([[0.0], [1.0], [61.0]], np.float32), np.ones(3, dtype=int))
    statistics = {"mean": [0.0], "std": [1.0]}
    assert table.extreme_values(["a", "b", "c"], statistics, 5.0) == (1, 3, 61.0)
    assert table.extreme_values(["a", "b", "nobody"], statistics, 5.0) == (0, 2, 1.0)
    processor = AmuseProcessor(feature_statistics={"audio": {**statistics, "limit": 5.0}})
    talk = [{"speaker": "A", "audio_features": [value]} for value in (61.0, -61.0, 2.0)]
    assert processor(talk)["audio_features"].flatten().tolist() == [5.0, -5.0, 2.0]


def test_a_conversation_term_that_reads_one_modality_counts_for_it(tiny_text_encoder, tmp_path):
    names = {0: "joy", 1: "anger", 2: "neutral"}
    sizes = {"hidden_size": 16, "initializer_range": 0.5, "experts": "constant"}
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        tiny_text_encoder[0], **sizes, id2label=names, label2id={name: label for label, name in names.items()}
    ).eval()
    with_experts(model).save_pretrained(tmp_path / "model")
    processor = AmuseProcessor(AutoTokenizer.from_pretrained(tiny_text_encoder[0]), emotions=list(names.values()))
    processor.save_pretrained(tmp_path / "model")
    lengths = {"train": (1,), "validation": (1,), "test": (1, 3, 2)}
    talks = {
        split: [
            {"id": f"{split}{n}", "utterances": [{"speaker": "Ada", "text": "oh no " * (t + 1)} for t in range(length)]}
            for n, length in enumerate(lengths[split])
        ]
        for split in lengths
    }
    for split, conversations in talks.items():
        lines = map(json.dumps, conversations)
        (tmp_path / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = recognize_split(tmp_path / "model", str(tmp_path), tmp_path, "test", str(tmp_path / "cache"))
    with torch.no_grad():
        inputs = [processor([conversation]) for conversation in talks["test"]]
        outputs = [model(**batch) for batch in inputs]
    prior = model.amuse.experts.log_prior
    for number, (utterance, term, score) in enumerate(
        zip(
            found,
            torch.cat([output.expert_terms[0, :, 0] for output in outputs]),
            torch.cat([output.conversation_logits[0].log_softmax(dim=-1) for output in outputs]),
            strict=True,
        )
    ):
        label = model.config.label2id[utterance["emotion"]]
        expected = term[label] + score[label] - prior[label]
        assert utterance["contributions"] == pytest.approx({"text": float(expected)}, abs=1e-4), number
