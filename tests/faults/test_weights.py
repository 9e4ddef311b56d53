"""A model never answers with missing weights or with numbers that are not finite."""

import json
import logging
import re

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer, pipeline

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseModel, AmuseProcessor, LiveSession
from modeling_amuse.scripts import amuse, train
from modeling_amuse.scripts.training import training_loop
from modeling_amuse.scripts.training.model_loading import load_from_folder_or_hub
from modeling_amuse.scripts.training.training_checkpoint import latest_checkpoint
from tests.data_options import folder_options
from tests.small_models import NUM_LABELS, SIZES, small_config, small_model, with_experts

TALK = [
    {"speaker": "Ada", "text_features": [0.3] * SIZES["text"], "audio_features": [1.0] * SIZES["audio"]},
    {"speaker": "Ben", "text_features": [-0.3] * SIZES["text"]},
]


def saved(folder, model=None, processor=None):
    model = model or small_model()
    model.save_pretrained(folder)
    (processor or AmuseProcessor(emotions=[f"LABEL_{n}" for n in range(NUM_LABELS)])).save_pretrained(folder)
    return folder


def change_weights(folder, change):
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def change_json(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("experts", ["none", "adaptive"])
def test_each_missing_weight_is_refused_by_name(tmp_path, experts):
    folder = saved(tmp_path, with_experts(small_model(experts=experts)))
    names = sorted(load_file(folder / "model.safetensors"))
    whole = (folder / "model.safetensors").read_bytes()
    for name in [*names[:: len(names) // 6], *(n for n in names if n.startswith("classifier") or "experts" in n)]:
        change_weights(folder, lambda weights, name=name: weights.pop(name))
        for loader in (AmuseForEmotionRecognition, AutoModel):
            with pytest.raises(ValueError, match=rf"do not match its config.json \(missing keys: {name}\)"):
                loader.from_pretrained(folder)
        (folder / "model.safetensors").write_bytes(whole)
    assert pipeline("emotion-recognition", model=str(folder), device="cpu")(TALK)[0]["emotion"]


def test_many_missing_weights_are_counted(tmp_path):
    folder = saved(tmp_path)
    change_weights(folder, dict.clear)
    with pytest.raises(ValueError, match=r"missing keys: .* and \d+ more\)"):
        AmuseForEmotionRecognition.from_pretrained(folder)


def test_a_recognizer_starts_from_a_base_model_but_recognizes_only_when_it_is_trained(tmp_path, caplog):
    base = small_model().amuse
    base.save_pretrained(tmp_path)
    AmuseProcessor().save_pretrained(tmp_path)
    logging.getLogger("transformers").propagate = True
    with caplog.at_level(logging.WARNING):
        model = AmuseForEmotionRecognition.from_pretrained(tmp_path)
    assert "classifier.weight" in caplog.text  # as transformers warns of it
    processor = AmuseProcessor()
    with pytest.raises(ValueError, match=r"no trained weights for classifier.bias, classifier.weight"):
        pipeline("emotion-recognition", model=model, processor=processor, device="cpu")
    with pytest.raises(ValueError, match="no trained weights"):
        load_from_folder_or_hub(AmuseForEmotionRecognition, str(tmp_path))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    features = {name: torch.randn(1, 2, 1, SIZES[name]) for name in SIZES}
    labels = torch.tensor([[1, 2]])
    batch = {f"{name}_features": values for name, values in features.items()}
    model(**batch, speaker_ids=torch.tensor([[0, 1]]), labels=labels).loss.backward()
    optimizer.step()
    recognizer = pipeline("emotion-recognition", model=model, processor=processor, device="cpu")
    assert len(recognizer(TALK)) == 2
    # a base model lacks nothing
    assert AmuseModel.from_pretrained(tmp_path).redrawn_weights == {}


def test_a_live_session_needs_trained_weights_too(tmp_path):
    small_model(causal=True).amuse.save_pretrained(tmp_path)
    model = AmuseForEmotionRecognition.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"no trained weights for classifier.bias, classifier.weight"):
        LiveSession(model, AmuseProcessor())
    with torch.no_grad():
        for parameter in model.parameters():  # as an optimizer does
            parameter.mul_(0.9)
    assert LiveSession(model, AmuseProcessor()).add(TALK[0])["emotion"]


@pytest.mark.parametrize("optimizer", ["fused", "foreach"])
def test_any_optimizer_trains_what_was_drawn(tmp_path, optimizer):
    folder = saved(tmp_path)
    model = AmuseForEmotionRecognition.from_pretrained(folder, num_labels=7, ignore_mismatched_sizes=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, **{optimizer: True})
    batch = {f"{name}_features": torch.randn(1, 2, 1, SIZES[name]) for name in SIZES}
    model(**batch, speaker_ids=torch.tensor([[0, 1]]), labels=torch.tensor([[1, 2]])).loss.backward()
    assert pipeline_is_refused(model)
    optimizer.step()
    assert not pipeline_is_refused(model)


def pipeline_is_refused(model) -> bool:
    try:
        pipeline("emotion-recognition", model=model, processor=AmuseProcessor(), device="cpu")
    except ValueError as error:
        assert "no trained weights" in str(error)
        return True
    return False


def test_a_new_head_is_drawn_on_request_and_then_trained(tmp_path):
    folder = saved(tmp_path)
    model = AmuseForEmotionRecognition.from_pretrained(folder, num_labels=7, ignore_mismatched_sizes=True)
    heads = {f"amuse.modality_heads.{m}.{name}" for m in range(3) for name in ("weight", "bias")}
    assert set(model.redrawn_weights) == {"classifier.weight", "classifier.bias", *heads}
    with pytest.raises(ValueError, match="no trained weights for amuse.modality_heads.0.bias, .* and 3 more"):
        pipeline("emotion-recognition", model=model, processor=AmuseProcessor(), device="cpu")
    # experts that the saved model never had may be added
    added = AmuseForEmotionRecognition.from_pretrained(folder, experts="constant")
    assert added.redrawn_weights and all("experts" in name for name in added.redrawn_weights)


def test_training_only_state_is_not_missed(tmp_path):
    folder = saved(tmp_path, small_model(contrastive_loss="bank", memory_bank_size=9))
    model, loading = AmuseForEmotionRecognition.from_pretrained(folder, output_loading_info=True)
    assert model.redrawn_weights == {} and not loading["missing_keys"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_that_are_no_numbers_are_refused(tmp_path, value, dtype):
    folder = saved(tmp_path, small_model().to(dtype))
    change_weights(folder, lambda weights: weights["classifier.weight"][1].fill_(value))
    for loader in (AmuseForEmotionRecognition, AutoModel):
        with pytest.raises(ValueError, match=r"are NaN or infinite \(classifier.weight\)"):
            loader.from_pretrained(folder, dtype="auto")


@pytest.mark.parametrize("name", ["temperature", "contrastive_temperature", "conversation_weight"])
@pytest.mark.parametrize("value", [1e-310, 5e-324, 1e300, float("inf"), float("nan"), 0.0, -1.0])
def test_factors_out_of_range_are_refused_at_loading(tmp_path, name, value):
    folder = saved(tmp_path)
    change_json(folder / "config.json", **{name: value})
    with pytest.raises(ValueError, match=f"{name} must be "):
        AmuseForEmotionRecognition.from_pretrained(folder)
    with pytest.raises(ValueError, match=f"{name} must be "):
        AmuseConfig(text_feature_size=4, **{name: value})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"std": [1.0, 0.0, 1.0]}, "deviation of feature 1 is 0"),
        ({"std": [1.0, 1.0, -2.0]}, "deviation of feature 2 is -2"),
        ({"std": [1e-310, 1.0, 1.0]}, "deviation of feature 0 is 1e-310"),
        ({"std": [1.0, float("nan"), 1.0]}, "std has a number that is NaN"),
        ({"mean": [float("inf"), 1.0, 1.0]}, "mean has a number that is NaN, infinite or too large"),
        ({"mean": [1e300, 1.0, 1.0]}, "mean has a number that is NaN, infinite or too large"),
        ({"mean": [10**400, 1.0, 1.0]}, "mean is not a list of numbers"),
        ({"mean": [0.0, 1.0]}, "mean has 2 numbers, but std has 3"),
        ({"mean": None}, "mean is not a list of numbers"),
        ({"mean": "1 2 3"}, "mean is not a list of numbers"),
        ({"std": {"a": 1}}, "std is not a list of numbers"),
        ({"limit": 0}, "limit must be more than 0"),
    ],
)
def test_statistics_that_divide_by_nothing_are_refused_at_loading(tmp_path, changes, problem):
    good = {"mean": [0.0] * 3, "std": [1.0] * 3}
    emotions = [f"LABEL_{n}" for n in range(NUM_LABELS)]
    folder = saved(tmp_path, processor=AmuseProcessor(emotions=emotions, feature_statistics={"audio": good}))
    AmuseProcessor.from_pretrained(folder)
    path = folder / "processor_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "feature_statistics": {"audio": {**good, **changes}}}))
    with pytest.raises(ValueError, match=f"feature_statistics of audio: .*{problem}"):
        AmuseProcessor.from_pretrained(folder)


def test_outputs_that_are_not_finite_are_never_shown():
    model = small_model()
    with torch.no_grad():
        model.classifier.bias.fill_(float("nan"))
    recognizer = pipeline("emotion-recognition", model=model, processor=AmuseProcessor(), device="cpu")
    with pytest.raises(ValueError, match="outputs for the utterance 'Ada' are not finite"):
        recognizer(TALK)
    model = AmuseForEmotionRecognition(small_config(temperature=1e-6)).half().eval()
    with torch.no_grad():
        model.classifier.bias.fill_(6e4)
    recognizer = pipeline("emotion-recognition", model=model, processor=AmuseProcessor(), device="cpu")
    halves = [{**u, **{k: np.float16(v) for k, v in u.items() if k.endswith("features")}} for u in TALK]
    with pytest.raises(ValueError, match="are not finite"):
        recognizer(halves)


EMOTIONS = ["neutral", "joy", "anger"]


@pytest.fixture
def corpus(tmp_path):
    """The arguments that name a folder with a few conversations."""
    (tmp_path / "corpus").mkdir()
    words = ["oh no what is that", "I am so happy for you", "leave me alone"]
    for split in ("train", "validation", "test"):
        talks = [
            {"id": f"{split}{n}", "utterances": [{"speaker": "A", "text": words[n], "emotion": EMOTIONS[n]}] * 2}
            for n in range(3)
        ]
        lines = "\n".join(map(json.dumps, talks))
        (tmp_path / "corpus" / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    return folder_options(tmp_path / "corpus", tmp_path / "cache")


def test_scores_that_are_not_finite_are_neither_shown_nor_written(tmp_path, corpus, tiny_text_encoder, capsys):
    """The weights are finite numbers, but the scores that follow from them exceed the range of 32 bits."""
    names = {"id2label": dict(enumerate(EMOTIONS)), "label2id": {name: label for label, name in enumerate(EMOTIONS)}}
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        tiny_text_encoder[0], hidden_size=16, initializer_range=0.3, **names
    )
    saved(
        tmp_path / "model",
        model,
        AmuseProcessor(AutoTokenizer.from_pretrained(tiny_text_encoder[0]), emotions=EMOTIONS),
    )

    def overflow(weights):
        weights["classifier.weight"].fill_(3.4e38)
        for name in [name for name in weights if "_context.recurrent.lstm.bias" in name]:
            weights[name].fill_(10.0)  # all states of the contexts are close to 1

    change_weights(tmp_path / "model", overflow)
    talk = tmp_path / "talk.json"
    talk.write_text(json.dumps([{"speaker": "Ada", "text": "leave me alone"}, {"speaker": "Ben", "text": "oh no"}]))
    written = {name: tmp_path / name for name in ("timeline.json", "talk.csv", "results.json", "p.parquet")}
    for path in written.values():
        path.write_text("old")
    model = ["--model", str(tmp_path / "model")]
    outputs = [str(written["timeline.json"]), str(written["talk.csv"])]
    assert amuse.run("recognize", "amuse recognize", [str(talk), *model, "--output", *outputs]) == 1
    said = capsys.readouterr()
    assert re.search(r"outputs for the utterance 'talk_\d' are not finite", said.err) and said.out == ""
    files = [
        "--output",
        str(written["results.json"]),
        "--predictions",
        str(written["p.parquet"]),
        "--pictures",
        "False",
    ]
    config = (tmp_path / "model" / "config.json").read_bytes()
    for command, options in (("evaluate", files), ("calibrate", [])):
        assert amuse.run(command, f"amuse {command}", [*model, *options, *corpus]) == 1
        said = capsys.readouterr()
        assert re.search(r"The outputs of the model are not finite for \d of 6 utterances", said.err)
        assert "F1" not in said.out
    assert (tmp_path / "model" / "config.json").read_bytes() == config
    assert {path.read_text() for path in written.values()} == {"old"}


def test_a_training_whose_loss_is_not_finite_keeps_the_model_of_the_earlier_epochs(
    tmp_path, corpus, tiny_text_encoder, monkeypatch
):
    output = tmp_path / "trained"
    arguments = ["--text_model", tiny_text_encoder[0], "--hidden_size", "8", "--output_dir", str(output), *corpus]
    arguments += ["--per_device_train_batch_size", "1", "--num_train_epochs", "3"]
    trained, before = training_loop.training_step, []

    def overflowing(training, batches, totals):
        """From the second epoch on, as with a learning rate that is too high."""
        if (output / "model.safetensors").is_file():
            before.append((output / "model.safetensors").read_bytes())
            totals["loss"] += float("inf")
        return trained(training, batches, totals)

    monkeypatch.setattr(training_loop, "training_step", overflowing)
    with pytest.raises(
        ValueError, match="loss of epoch 2 is not finite: lower --learning_rate.* The model of the earlier"
    ):
        train.main(arguments)
    assert before and (output / "model.safetensors").read_bytes() == before[0]
    assert latest_checkpoint(output / "checkpoints").name == "epoch-1"
    load_from_folder_or_hub(AmuseForEmotionRecognition, str(output))
