"""train.py with LoRA, gradient checkpointing and a chosen attention; its message about recordings that it does not read."""

import json
import shutil
from itertools import chain
from types import SimpleNamespace

import pytest
import torch
from datasets import Dataset
from peft import PeftModel
from safetensors.torch import load_file
from transformers import BertConfig

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.corpora.conversation_folder import SAMPLE_DIR
from modeling_amuse.scripts import evaluate, train
from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.training import (
    corpus_batches,
    evaluation_data,
    model_building,
    optimization,
    training_arguments,
    training_data,
    training_loop,
)
from modeling_amuse.scripts.training.training_arguments import (
    DEFAULTS,
    DataArguments,
    ModelArguments,
    TrainArguments,
    as_arguments,
    check_needs,
    parse_arguments,
)
from modeling_amuse.scripts.training.training_checkpoint import latest_checkpoint

LORA = ["--lora", "--lora_r", "4"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    for split, count in (("train", 4), ("validation", 2), ("test", 2)):
        lines = (SAMPLE_DIR / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()[:count]
        (folder / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def trained(corpus, output, *more):
    """Run a training in this process. Returns its output folder."""
    arguments = ["--dataset_name", "folder", "--data_dir", corpus, "--cache_dir", corpus / "cache"]
    arguments += ["--hidden_size", 8, "--per_device_train_batch_size", 2, "--num_train_epochs", 2]
    train.main(list(map(str, [*arguments, "--output_dir", output, *more])))
    return output


def losses(folder) -> list[tuple[float, float]]:
    history = json.loads((folder / "training_history.json").read_text())["history"]
    return [(line["train_loss"], line["validation_loss"]) for line in history]


def test_lora_gives_a_merged_model_and_its_adapter(corpus, tmp_path, tiny_text_encoder):
    encoder_dir, _ = tiny_text_encoder
    output = trained(corpus, tmp_path / "lora", *LORA, "--text_model", encoder_dir, "--encoder_learning_rate", "0.01")
    assert {path.suffix for path in output.rglob("*") if path.is_file()} <= {".json", ".safetensors", ".yaml"}
    merged = AmuseForEmotionRecognition.from_pretrained(output)
    pretrained = load_file(f"{encoder_dir}/model.safetensors")
    found = merged.amuse.text_model.state_dict()
    assert found.keys() == pretrained.keys()  # the names are those of the encoder, because adapters are merged
    moved = {name for name, tensor in pretrained.items() if not torch.equal(found[name], tensor)}
    assert moved == {n for n in pretrained if ".layer." in n and n.endswith("weight") and "LayerNorm" not in n}

    config = AmuseConfig.from_pretrained(output)
    base = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(text=encoder_dir, config=config)
    adapted = PeftModel.from_pretrained(base, output / "adapter").eval()
    assert adapted.peft_config["default"].r == 4
    batch = AmuseProcessor.from_pretrained(output)([{"speaker": "Ada", "text": "Oh no!"}, {"speaker": "Ben"}])
    with torch.no_grad():
        torch.testing.assert_close(adapted(**batch).logits, merged(**batch).logits, atol=1e-5, rtol=0)

    scored = evaluate.main(
        [
            *("--model", str(output), "--dataset_name", "folder", "--data_dir", str(corpus), "--split", "validation"),
            *("--output", str(tmp_path / "results.json"), "--num_resamples", "0", "--pictures", "False"),
        ]
    )
    history = json.loads((output / "training_history.json").read_text())
    assert scored["weighted_f1"] == pytest.approx(history["best_weighted_f1"], abs=1e-9)

    checkpoint = load_file(latest_checkpoint(output / "checkpoints") / "model.safetensors")
    assert any(".lora_A." in name for name in checkpoint) and any(".modules_to_save." in name for name in checkpoint)
    assert not any(".base_layer." in name or ".original_module." in name for name in checkpoint)
    assert all(".lora_" in name for name in checkpoint if "text_model" in name)


def test_a_stopped_lora_training_ends_with_the_same_weights(corpus, tmp_path, tiny_text_encoder, monkeypatch):
    arguments = [*LORA, "--text_model", tiny_text_encoder[0], "--num_train_epochs", "3"]
    whole = trained(corpus, tmp_path / "whole", *arguments)
    train_epoch = training_loop.train_epoch

    def stopped(*args):
        if args[-1] == 2:
            raise KeyboardInterrupt
        return train_epoch(*args)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training_loop, "train_epoch", stopped)
        trained(corpus, tmp_path / "stopped", *arguments)
    # the checkpoint does not contain the encoder of the adapters
    other = tmp_path / "other-encoder"
    shutil.copytree(tiny_text_encoder[0], other)
    encoder = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        text=str(other), num_labels=2
    ).amuse.text_model
    encoder.embeddings.word_embeddings.weight.data += 1
    encoder.save_pretrained(other)
    resumed = [*arguments, "--resume_from_checkpoint", "latest"]
    with pytest.raises(ValueError, match="encoder_weights was .*, is "):
        trained(corpus, tmp_path / "stopped", *resumed, "--text_model", other)
    stopped = trained(corpus, tmp_path / "stopped", *resumed)
    assert losses(stopped) == losses(whole)
    for name in ("model.safetensors", "adapter/adapter_model.safetensors"):
        one, other = load_file(whole / name), load_file(stopped / name)
        assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one), name


def test_adapters_have_the_learning_rate_of_an_encoder(tiny_text_encoder):
    model_args = ModelArguments(lora=True, text_model=tiny_text_encoder[0])
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(text=tiny_text_encoder[0], num_labels=2)
    model_building.add_adapters(model, model_args)
    fusion, adapters = optimization.parameter_groups(model, model_args, TrainArguments(output_dir="x"))
    assert (fusion["lr"], adapters["lr"]) == (5e-4, 3e-4)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert all(".lora_" in names[id(parameter)] for parameter in adapters["params"])
    assert not any("text_model" in names[id(parameter)] for parameter in fusion["params"])
    trained_number = sum(parameter.requires_grad for parameter in model.parameters())
    assert len(fusion["params"]) + len(adapters["params"]) == trained_number
    given = TrainArguments(output_dir="x", encoder_learning_rate=1e-6)
    assert optimization.parameter_groups(model, model_args, given)[1]["lr"] == 1e-6
    whole = ModelArguments(text_model=tiny_text_encoder[0])
    assert optimization.parameter_groups(model, whole, TrainArguments(output_dir="x"))[1]["lr"] == 3e-5


def test_layers_learn_slower_the_lower_they_are():
    config = BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=3, num_attention_heads=1, intermediate_size=4)
    model = AmuseForEmotionRecognition(AmuseConfig(text_config=config, hidden_size=8))
    rates = TrainArguments(output_dir="x", layer_decay=0.5, encoder_learning_rate=1e-3)
    groups = optimization.parameter_groups(model, ModelArguments(text_model="bert"), rates)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    learned = {names[id(parameter)]: group["lr"] for group in groups for parameter in group["params"]}
    assert len(learned) == len(names)
    expected = {"layer.2.": 1e-3, "layer.1.": 5e-4, "layer.0.": 2.5e-4, "text_model.embeddings.": 1.25e-4}
    for part, rate in expected.items():
        assert {lr for name, lr in learned.items() if part in name} == {rate}
    assert {lr for name, lr in learned.items() if "text_model" not in name} == {5e-4}


def test_a_conversation_as_one_sequence_in_batches_of_like_length(corpus, tmp_path, tiny_text_encoder, monkeypatch):
    lengths, collate = [], corpus_batches.collate_conversations

    def recording(dataset, processor, modalities, conversations):
        lengths.append([len(conversation["utterances"]) for conversation in conversations])
        return collate(dataset, processor, modalities, conversations)

    monkeypatch.setattr(corpus_batches, "collate_conversations", recording)
    own = ["--text_model", tiny_text_encoder[0], "--text_scope", "conversation", "--group_by_length"]
    own += ["--text_attention_dropout", "0", "--max_text_sequence", "200"]
    folder = trained(corpus, tmp_path / "amuse", *own)
    rows = [json.loads(line)["utterances"] for line in (corpus / "train.jsonl").read_text().splitlines()]
    assert len(lengths) == 2 * 2  # each epoch has every conversation, two in a batch
    for epoch in (lengths[:2], lengths[2:]):
        assert sorted(chain.from_iterable(epoch)) == sorted(map(len, rows))
    config = AmuseConfig.from_pretrained(folder)
    assert (config.text_scope, config.max_text_sequence) == ("conversation", 200)
    assert config.text_config.attention_probs_dropout_prob == 0
    assert AmuseProcessor.from_pretrained(folder).speaker_names
    # the states of a frozen encoder depend on the conversation: they are not cached, and evaluation reads text as training does
    for room in (training_data, evaluation_data):
        monkeypatch.setattr(room, "frozen_text_states", None)
    frozen = trained(corpus, tmp_path / "frozen", *own, "--freeze_text_model")
    results = evaluate.main(
        [
            *("--model", str(frozen), "--dataset_name", "folder", "--data_dir", str(corpus), "--split", "validation"),
            *("--num_resamples", "0", "--pictures", "False"),
        ]
    )
    history = json.loads((frozen / "training_history.json").read_text())
    best = history["history"][history["best_epoch"] - 1]
    assert results["weighted_f1"] == pytest.approx(best["validation_weighted_f1"])


def test_the_average_of_the_weights_is_scored_and_saved(corpus, tmp_path, monkeypatch):
    states = []

    class Recording(optimization.AveragedModel):
        def update_parameters(self, model):
            states.append({name: p.detach().clone() for name, p in model.named_parameters()})
            super().update_parameters(model)

    monkeypatch.setattr(optimization, "AveragedModel", Recording)
    folder = trained(corpus, tmp_path / "averaged", "--weight_averaging", "0.5", "--num_train_epochs", "1")
    first, second = states  # four conversations, two in a batch
    for name, saved in load_file(folder / "model.safetensors").items():
        torch.testing.assert_close(saved, (first[name] + second[name]) / 2)
    shared = ["--model", str(folder), "--dataset_name", "folder", "--data_dir", str(corpus), "--split", "validation"]
    few = ["--num_resamples", "0", "--pictures", "False"]
    results = evaluate.main([*shared, *few, "--cache_dir", str(corpus / "cache")])
    [line] = json.loads((folder / "training_history.json").read_text())["history"]
    assert results["weighted_f1"] == pytest.approx(line["validation_weighted_f1"])
    with pytest.raises(ValueError, match="--weight_averaging must be at least 0 and less than 1, but is 1.0"):
        trained(corpus, tmp_path / "none", "--weight_averaging", "1")


def test_a_recipe_gives_what_is_left_out(monkeypatch, tmp_path):
    _, model_args, args = parse_arguments(["--recipe", "meld", "--output_dir", "x", "--layer_decay", "0.5"])
    assert (model_args.text_scope, args.group_by_length, args.layer_decay) == ("conversation", True, 0.5)
    with pytest.raises(ValueError, match="no recipe 'iemocap'; choose from meld"):
        parse_arguments(["--recipe", "iemocap", "--output_dir", "x"])
    with pytest.raises(SystemExit, match="2"):  # an abbreviated option would not read the recipe
        parse_arguments(["--recip", "meld", "--output_dir", "x"])
    (tmp_path / "own.yaml").write_text("momentum: 0.9")
    monkeypatch.setattr(training_arguments, "RECIPES", tmp_path)
    with pytest.raises(ValueError, match="sets momentum, which is not an option of training"):
        parse_arguments(["--recipe", "own", "--output_dir", "x"])


def test_rows_of_utterances_without_a_label_are_counted(tmp_path):
    labels = {"u1": "joy", "u2": None, "u3": "anger", "u4": None}
    rows = [[{"id": identifier, "emotion": emotion} for identifier, emotion in labels.items()]]
    data = SimpleNamespace(splits={"train": {"utterances": rows}}, emotions=("anger", "joy"))
    said = []
    for ids in (labels, ("u1", "u3")):
        table = tmp_path / f"{len(ids)}.csv"
        table.write_text("utterance_id,anger,joy\n" + "\n".join(f"{name},0.7,0.3" for name in ids), encoding="utf-8")
        given = DataArguments(soft_labels=str(table), soft_labels_for="all")
        assert list(training_data.training_targets(data, given, SimpleNamespace(print=said.append))) == ["u1", "u3"]
    assert said[0].endswith("soft labels; rows that are not used, as their utterances have no label: 2")
    assert said[1] == "train: 2 of 4 utterances have soft labels"


NEEDS = [
    (["--lora_r", "32"], "--lora", ["--lora"]),
    (["--lora_alpha", "8", "--lora_dropout", "0"], "--lora", ["--lora"]),
    (["--soft_label_weight", "0.3"], "--soft_labels", ["--soft_labels", "votes.csv"]),
    (["--soft_labels_for", "all"], "--soft_labels", ["--soft_labels", "votes.csv"]),
    (["--leave_out_overlap"], "--extra_data", ["--extra_data", "more"]),
    (["--num_text_neighbours", "1"], "--text_scope neighbours", ["--text_scope", "neighbours"]),
    (["--text_scope", "conversation", "--num_text_neighbours", "1"], "--text_scope", ["--text_scope", "neighbours"]),
    (["--max_text_sequence", "99"], "another --text_scope than utterance", ["--text_scope", "conversation"]),
    (["--experts", "none", "--separate_expert_weights"], "other --experts than none", ["--experts", "auto"]),
    (["--preset", "paper", "--separate_expert_weights"], "other --experts than none", ["--experts", "constant"]),
    (["--hub_private_repo"], "--push_to_hub", ["--push_to_hub"]),
]


@pytest.mark.parametrize("arguments, needed, then", NEEDS)
def test_an_option_that_would_have_no_effect_is_refused(tmp_path, arguments, needed, then):
    with pytest.raises(WrongArguments, match=f" needs? {needed}.*: give it, or leave"):
        train.main([*arguments, "--output_dir", str(tmp_path / "out")])
    words = [*arguments, *then, "--output_dir", "out"]
    check_needs(words, *parse_arguments(words))
    assert not (tmp_path / "out").exists()


def test_defaults_and_recipes_are_never_refused():
    of_model = {name: value for name, value in training_arguments.CONFIG_DEFAULTS.items() if name in DEFAULTS}
    given = {**DEFAULTS, **of_model, "experts": "none", "output_dir": "out"}
    check_needs(as_arguments(given), *parse_arguments(as_arguments(given)))
    for recipe in training_arguments.RECIPES.glob("*.yaml"):
        words = ["--recipe", recipe.stem, "--output_dir", "out"]
        check_needs(words, *parse_arguments(words))


def test_an_option_may_override_what_others_of_a_recipe_need(tmp_path):
    (tmp_path / "own.yaml").write_text("lora: true\nlora_r: 32\nexperts: constant\nseparate_expert_weights: true\n")
    words = ["--recipe", str(tmp_path / "own.yaml"), "--output_dir", "out", "--lora", "false", "--experts", "none"]
    check_needs(words, *parse_arguments(words))


def test_lora_needs_an_encoder_to_adapt(corpus, tmp_path, tiny_text_encoder):
    with pytest.raises(ValueError, match="--weight_averaging does not support --lora"):
        trained(corpus, tmp_path / "x", *LORA, "--text_model", tiny_text_encoder[0], "--weight_averaging", "0.9")
    for more in ([], ["--text_model", tiny_text_encoder[0], "--freeze_text_model"]):
        with pytest.raises(ValueError, match="--lora adapts a pretrained text encoder"):
            trained(corpus, tmp_path / "out", "--lora", *more)
    assert not (tmp_path / "out").exists()


def test_checkpointing_and_the_attention_change_no_result(corpus, tmp_path, monkeypatch):
    seen, train_epoch = {}, training_loop.train_epoch

    def watched(training, *args):
        model, encoder = training.model, training.model.amuse.text_model
        implementations = {model.amuse.man.config._attn_implementation, encoder.config._attn_implementation}
        seen["attention"] = implementations
        seen["checkpointing"] = [layer.gradient_checkpointing for layer in encoder.encoder.layer]
        return train_epoch(training, *args)

    monkeypatch.setattr(training_loop, "train_epoch", watched)
    found = {}
    for name, more in (
        ("sdpa", ["--attn_implementation", "sdpa"]),
        ("eager", ["--attn_implementation", "eager"]),
        ("checkpointing", ["--attn_implementation", "sdpa", "--gradient_checkpointing"]),
    ):
        # no dropout, because each attention draws its own
        found[name] = losses(trained(corpus, tmp_path / name, "--hidden_dropout", "0", *more))
        assert seen == {
            "attention": {"eager" if name == "eager" else "sdpa"},
            "checkpointing": [name == "checkpointing"] * 2,
        }
    for name in ("eager", "checkpointing"):
        for one, other in zip(found[name], found["sdpa"], strict=True):
            assert one == pytest.approx(other, rel=1e-5), name


def test_recordings_that_nobody_reads_are_named():
    def conversations(**media):
        utterances = [{"speaker": "Ada", "text": "Hi."}, {"speaker": "Ben", "text": "Hello.", **media}]
        return Dataset.from_list([{"id": "monday", "utterances": utterances}])

    talk = conversations(audio="talk.mp4", video="talk.mp4")
    assert training_data.unread_recordings(talk, ("text",)) == ["audio", "vision"]
    assert training_data.unread_recordings(talk, ("text", "vision")) == ["audio"]
    assert training_data.unread_recordings(talk, ("text", "audio", "vision")) == []
    assert training_data.unread_recordings(conversations(audio="talk.wav"), ("text",)) == ["audio"]
    assert training_data.unread_recordings(conversations(), ("text",)) == []
