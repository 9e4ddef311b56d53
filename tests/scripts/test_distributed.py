"""Two processes give the results of one: adapters, sharded models, features. Configurations for accelerate launch."""

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from accelerate.commands import launch
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.utils import DeepSpeedPlugin, DistributedType, FullyShardedDataParallelPlugin
from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env
from pyarrow.parquet import read_table
from safetensors.torch import load_file
from torch.distributed.fsdp import CPUOffloadPolicy
from transformers import AutoConfig, BertModel

from modeling_amuse import AmuseForEmotionRecognition
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from modeling_amuse.processing.corpora.conversation_folder import SAMPLE_DIR
from modeling_amuse.processing.corpora.feature_tables import FeatureTable
from modeling_amuse.scripts import amuse, extract_features, train
from modeling_amuse.scripts.extraction import extraction
from modeling_amuse.scripts.training.distribution import check_distribution, sharded_layers
from modeling_amuse.scripts.training.training_arguments import ModelArguments
from tests.crashing_reader import crash
from tests.forked_processes import ROOT, run
from tests.small_media import speech_like, write_wav
from tests.small_models import random_batch, small_model

EXPERTS = ["--experts", "adaptive"]
LORA = ["--lora", "--lora_dropout", "0"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A folder with a few conversations and an encoder without dropout."""
    folder = tmp_path_factory.mktemp("corpus")
    for split, count in (("train", 7), ("validation", 3)):
        lines = (SAMPLE_DIR / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()[:count]
        (folder / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    config, tokenizer = small_text_encoder(["oh no what is that", "I am so happy for you"], 300, dropout=0.0)
    config.update({"hidden_size": 12, "num_attention_heads": 2, "intermediate_size": 16})
    torch.manual_seed(0)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder / "bert")
    tokenizer.save_pretrained(folder / "bert")
    return folder


def options(corpus, batch_size: int, *more) -> list[str]:
    given = ["--dataset_name", "folder", "--data_dir", corpus, "--cache_dir", corpus / "cache", "--hidden_size", 16]
    given += ["--text_model", corpus / "bert", "--encoder_learning_rate", 5e-4, "--num_train_epochs", 2]
    given += ["--hidden_dropout", 0]
    return list(map(str, [*given, "--per_device_train_batch_size", batch_size, *more]))


def same_training(one, other):
    """Check that the weights and the scores of each epoch are equal up to rounding."""
    weights = [load_file(folder / "model.safetensors") for folder in (one, other)]
    assert weights[0].keys() == weights[1].keys()
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, atol=2e-5, rtol=1e-3, msg=name)
    histories = [json.loads((folder / "training_history.json").read_text())["history"] for folder in (one, other)]
    for first, second in zip(*histories, strict=True):
        for name in ("train_loss", "validation_loss", "validation_weighted_f1"):
            assert first[name] == pytest.approx(second[name], rel=1e-4), name


def test_two_processes_train_the_adapters_that_one_trains(corpus, tmp_path):
    # 7 conversations in batches of 4: the last batch is uneven
    train.main([*options(corpus, 4, *LORA, *EXPERTS), "--output_dir", str(tmp_path / "one")])
    result = run("train.py", *options(corpus, 2, *LORA, *EXPERTS), "--output_dir", tmp_path / "two", processes=2)
    assert result.returncode == 0, result.stderr[-3000:]
    assert "2 process(es)" in result.stdout
    same_training(tmp_path / "one", tmp_path / "two")


def test_two_processes_train_the_heads_of_several_corpora_as_one_does(corpus, tmp_path):
    """A head that a step does not use must not move, by its momentum or the decay of weights."""
    (tmp_path / "more").mkdir()
    lines = (SAMPLE_DIR / "train.jsonl").read_text(encoding="utf-8").splitlines()[7:11]
    (tmp_path / "more" / "train.jsonl").write_text("\n".join(lines), encoding="utf-8")
    more = ["--extra_data", tmp_path / "more", "--weight_decay", "0.3", "--experts", "none"]
    train.main([*options(corpus, 4, *more), "--output_dir", str(tmp_path / "one")])
    result = run("train.py", *options(corpus, 2, *more), "--output_dir", tmp_path / "two", processes=2)
    assert result.returncode == 0, result.stderr[-3000:]
    same_training(tmp_path / "one", tmp_path / "two")


def test_a_sharded_training_is_that_of_one_process_and_is_resumed(corpus, tmp_path, monkeypatch):
    train.main([*options(corpus, 4, *EXPERTS), "--output_dir", str(tmp_path / "one")])
    launcher, arguments = launched("fsdp.yaml", monkeypatch)
    assert launcher == "multi_gpu_launcher"
    for key, value in prepare_multi_gpu_env(arguments).items():
        monkeypatch.setenv(key, value)
    script = ROOT / "tests" / "scripts" / "fsdp_on_cpu.py"
    result = run(script, tmp_path, *options(corpus, 2, *EXPERTS), processes=2)
    assert result.returncode == 0, result.stderr[-3000:]
    assert "sharded: FSDPAmuseForEmotionRecognition FSDPAmuseUnimodalEncoder FSDPBertLayer" in result.stdout
    assert result.stdout.count("2 process(es)") == 3 and "Resumed from the end of epoch 1" in result.stdout
    same_training(tmp_path / "one", tmp_path / "whole")
    whole, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "resumed"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    # the folder is like that of any training
    config = json.loads((tmp_path / "whole" / "config.json").read_text())
    assert config["architectures"] == ["AmuseForEmotionRecognition"] and config["experts"] == "adaptive"
    loaded = AmuseForEmotionRecognition.from_pretrained(tmp_path / "whole").state_dict()
    assert all(torch.equal(loaded[name], whole[name]) for name in whole)


def test_a_crash_during_an_extraction_says_what_to_do(tmp_path, monkeypatch, capsys):
    pytest.importorskip("av")
    utterances = [{"id": f"u{n}", "speaker": "Ada", "audio": f"u{n}.wav"} for n in range(3)]
    for utterance in utterances:
        write_wav(tmp_path / utterance["audio"], speech_like(0.2))
    (tmp_path / "train.jsonl").write_text(json.dumps({"id": "talk", "utterances": utterances}))
    arguments = ["--data_dir", tmp_path, "--cache_dir", tmp_path / "cache", "--extractors", "prosody"]
    arguments += ["--utterances_per_part", 1, "--num_processes", 2, "--output_dir", tmp_path / "features"]
    monkeypatch.setattr(extraction, "compute_part", crash)
    assert amuse.run("extract_features", "amuse extract-features", [*map(str, arguments)]) == 1
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("amuse")]
    assert "crashed" in line and "`amuse audit` names recordings" in line and "--num_processes 1" in line


@pytest.mark.parametrize("key", ["audio_track", "audio_channel"])
@pytest.mark.parametrize("form", ["json", "csv"])
def test_features_of_one_channel_are_not_computed_from_all(tmp_path, key, form):
    pytest.importorskip("av")
    write_wav(tmp_path / "talk.wav", speech_like(0.2))
    utterance = {"speaker": "Ada", "text": "Hi.", "audio": "talk.wav", "start": 0, "end": 0.2, key: 1}
    if form == "json":
        (tmp_path / "train.jsonl").write_text(json.dumps({"id": "talk", "utterances": [utterance]}))
    else:
        (tmp_path / "train.csv").write_text(
            "\n".join(",".join(map(str, row)) for row in (utterance, utterance.values()))
        )
    arguments = ["--data_dir", tmp_path, "--cache_dir", tmp_path / "cache", "--output_dir", tmp_path / "features"]
    with pytest.raises(ValueError, match=f"have {key}, which data sets do not have.* a file of its own"):
        extract_features.main([*map(str, arguments), "--extractors", "prosody", "--num_processes", "1"])
    assert not list((tmp_path / "features").rglob("*.parquet"))


def test_only_utterances_that_name_a_channel_are_refused(tmp_path):
    pytest.importorskip("av")
    (tmp_path / "audio_track").mkdir()
    write_wav(tmp_path / "audio_track" / "talk.wav", speech_like(0.2))
    (tmp_path / "audio_track" / "train.csv").write_text(
        "speaker,text,audio,audio_channel,topic\nAda,Hi.,talk.wav,,tea\n"
    )
    arguments = ["--data_dir", tmp_path / "audio_track", "--cache_dir", tmp_path / "cache", "--extractors", "prosody"]
    extract_features.main([*map(str, arguments), "--output_dir", str(tmp_path / "out"), "--num_processes", "1"])
    assert (tmp_path / "out" / "prosody" / "train.parquet").is_file()


def test_two_processes_extract_the_features_that_one_extracts(tmp_path, capsys):
    pytest.importorskip("av")
    pytest.importorskip("librosa")
    for split, count in (("train", 5), ("test", 2)):
        utterances = [{"id": f"{split}_{n}", "speaker": "Ada", "audio": f"{split}_{n}.wav"} for n in range(count)]
        for number, utterance in enumerate(utterances):
            write_wav(tmp_path / utterance["audio"], speech_like(0.6, seed=number))
        (tmp_path / f"{split}.jsonl").write_text(json.dumps({"id": split, "utterances": utterances}))
    arguments = ["--data_dir", tmp_path, "--cache_dir", tmp_path / "cache", "--extractors", "prosody"]
    arguments += ["--utterances_per_part", 1, "--num_processes", 1]
    extract_features.main([*map(str, arguments), "--output_dir", str(tmp_path / "1")])
    printed = {1: capsys.readouterr().out}
    result = run("extract_features.py", *arguments, "--output_dir", tmp_path / "2", processes=2)
    assert result.returncode == 0, result.stderr[-3000:]
    printed[2] = result.stdout
    for processes, lines in printed.items():
        printed[processes] = sorted(line.rpartition("/")[2] for line in lines.splitlines() if "features" in line)
    assert printed[1] == printed[2] and len(printed[1]) == 2
    one, two = (
        {
            path.relative_to(tmp_path / n): FeatureTable.from_arrow(read_table(path))
            for path in (tmp_path / n).rglob("*.parquet")
        }
        for n in "12"
    )
    assert len(one) == 2 + 7 and one.keys() == two.keys()
    for path, table in one.items():
        assert table.record == two[path].record and table.rows == two[path].rows
        # the last digits of a sum depend on the number of threads
        np.testing.assert_allclose(two[path].values, table.values, rtol=1e-5)


def launched(name: str, monkeypatch) -> tuple[str, SimpleNamespace]:
    """The launcher that `accelerate launch --config_file` calls, and its arguments."""
    path, calls = ROOT / "scripts" / "accelerate" / name, []
    for launcher in ("deepspeed_launcher", "multi_gpu_launcher", "simple_launcher"):
        monkeypatch.setattr(launch, launcher, lambda args, launcher=launcher: calls.append((launcher, args)))
    load_config_from_file(str(path))  # fails for unknown keys
    launch.launch_command(launch.launch_command_parser().parse_args(["--config_file", str(path), "train.py"]))
    [call] = calls
    return call


def test_the_fsdp_configuration_shards_the_layers_of_the_model(monkeypatch):
    launcher, arguments = launched("fsdp.yaml", monkeypatch)
    assert launcher == "multi_gpu_launcher"
    for key, value in prepare_multi_gpu_env(arguments).items():
        monkeypatch.setenv(key, value)
    assert arguments.use_fsdp and os.environ["ACCELERATE_USE_FSDP"] == "true"
    plugin = FullyShardedDataParallelPlugin()
    assert plugin.fsdp_version == 2 and plugin.reshard_after_forward
    assert not isinstance(plugin.cpu_offload, CPUOffloadPolicy)
    model = small_model()
    plugin.transformer_cls_names_to_wrap = sharded_layers(model)
    assert plugin.transformer_cls_names_to_wrap == ["AmuseMultimodalAttentionLayer", "AmuseUnimodalEncoder"]
    plugin.set_auto_wrap_policy(model)
    assert plugin.auto_wrap_policy is not None


def test_a_text_that_is_missing_from_a_whole_batch_is_read_by_a_sharded_encoder(corpus):
    config = AutoConfig.from_pretrained(corpus / "bert")
    model = small_model(text_config=config, text_feature_size=12).train()
    calls = []
    model.amuse.text_model.register_forward_hook(lambda *_: calls.append(1))
    batch = random_batch(streams=("audio", "vision", "background"))
    model(**batch).loss.backward()
    assert len(calls) == 1 and all(p.grad is not None for p in model.amuse.text_model.parameters())
    model.eval()(**batch)
    assert len(calls) == 1  # the encoder must run only if its weights are sharded over several processes
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.full_tensor = None
        model(**batch)
    assert len(calls) == 2
    features = torch.zeros(2, 5, 4, 12)
    with pytest.raises(ValueError, match="no input for the BertModel, whose weights are sharded"):
        model.train()(**batch, text_features=features)


def test_the_deepspeed_configuration_is_what_its_plugin_takes(monkeypatch):
    launcher, arguments = launched("deepspeed.yaml", monkeypatch)
    assert launcher == "deepspeed_launcher"
    _, variables = prepare_deepspeed_cmd_env(arguments)
    for key, value in variables.items():
        monkeypatch.setenv(key, value)
    assert os.environ["ACCELERATE_USE_DEEPSPEED"] == "true"
    config = DeepSpeedPlugin().deepspeed_config
    assert config["zero_optimization"]["stage"] == 2
    assert config["zero_optimization"]["offload_optimizer"]["device"] == "cpu"
    assert config["gradient_clipping"] == 1.0


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "scripts" / "accelerate").glob("*.yaml")))
def test_a_launch_configuration_leaves_accelerate_nothing_to_warn_of(name, monkeypatch):
    warnings = []
    monkeypatch.setattr(launch.logger, "warning", lambda message, *_, **__: warnings.append(message))
    launcher, arguments = launched(name, monkeypatch)
    assert launcher in ("multi_gpu_launcher", "deepspeed_launcher") and arguments.num_processes == 2
    assert warnings == []


def test_a_distribution_that_train_does_not_know_is_refused():
    def accelerator(kind, is_fsdp2=False):
        return SimpleNamespace(distributed_type=kind, is_fsdp2=is_fsdp2, device="cuda", print=print)

    whole, lora = ModelArguments(), ModelArguments(lora=True, text_model="x")
    for kind in (DistributedType.NO, DistributedType.MULTI_CPU, DistributedType.MULTI_GPU):
        check_distribution(accelerator(kind), lora)
    check_distribution(accelerator(DistributedType.FSDP, is_fsdp2=True), whole)
    with pytest.raises(ValueError, match="does not support DEEPSPEED.*scripts/accelerate/fsdp.yaml"):
        check_distribution(accelerator(DistributedType.DEEPSPEED), whole)
    with pytest.raises(ValueError, match="fsdp_version: 2"):
        check_distribution(accelerator(DistributedType.FSDP), whole)
    with pytest.raises(ValueError, match="--lora cannot be combined with sharding"):
        check_distribution(accelerator(DistributedType.FSDP, is_fsdp2=True), lora)


def test_it_is_said_that_a_cpu_shards_nothing(monkeypatch, capsys):
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    on_cpu = SimpleNamespace(distributed_type=DistributedType.MULTI_CPU, device="cpu", print=print)
    check_distribution(on_cpu, ModelArguments())
    assert "does not shard on cpu" in capsys.readouterr().out
