"""The tables of variants: each entry is implemented, allowed by the configuration, and trains."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import torch

import modeling_amuse
from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition
from modeling_amuse.conversation_context import CONTEXT_CLASSES
from modeling_amuse.scripts.training.training_arguments import ModelArguments
from modeling_amuse.variants import CONTEXTS, PRESETS, REGISTRIES, TEXT_SCOPES, Registry, Variant
from tests.small_models import SIZES, random_batch, small_config

ENTRIES = [(field, name) for field, registry in REGISTRIES.items() for name in registry]
RESULTS = Path(modeling_amuse.__file__).parents[1] / "hub_card" / "results"
STUDIES = {
    "fusion": "fusion/meld",
    "contexts": "contexts/meld",
    "head_aggregation": "heads/meld",
    "contrastive_loss": "contrastive_loss/meld",
    "text_scope": "text_encoder/meld_text",
}
LABELS = {
    "in_batch": "in batch",
    "utterance": "the utterance alone",
    "neighbours": "one neighbour on each side",
    "conversation": "the conversation",
}
"""The names of variants in the studies, if they differ from those in the configuration."""


@pytest.mark.parametrize("field", list(REGISTRIES))
def test_the_configuration_allows_what_the_table_lists(field):
    registry = REGISTRIES[field]
    assert registry.field == field
    assert get_args(inspect.get_annotations(AmuseConfig)[field]) == tuple(registry)
    assert getattr(AmuseConfig(), field) == registry.default


@pytest.mark.parametrize("field", list(REGISTRIES))
def test_the_command_line_offers_what_the_table_lists(field):
    choices = ModelArguments.__dataclass_fields__[field].metadata["choices"]
    if field == "experts":  # includes the variant that the validation split prefers
        assert [*choices.values()][1:] == [*REGISTRIES[field].values()] and next(iter(choices)) == "auto"
    else:
        assert choices is REGISTRIES[field]


@pytest.mark.parametrize(("field", "name"), ENTRIES, ids=map("-".join, ENTRIES))
def test_every_entry_trains_with_a_gradient_for_each_parameter(field, name, tiny_text_encoder):
    settings = {field: name, "hidden_dropout": 0.0}
    if field == "contrastive_loss":
        settings |= {"memory_bank_size": 10, "num_contrastive_negatives": 6}
    batch = random_batch((5, 3))
    batch["utterance_ids"] = torch.arange(10).view(2, 5)
    if field == "text_scope":
        model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
            tiny_text_encoder[0], audio_feature_size=SIZES["audio"], hidden_size=16, num_labels=4, **settings
        )
        kept = {"utterance_mask", "speaker_ids", "labels", "audio_features", "audio_mask"}
        batch = {key: value for key, value in batch.items() if key in kept}
        batch |= {"input_ids": torch.randint(5, 30, (2, 5, 4)), "text_mask": torch.ones(2, 5, 4, dtype=torch.long)}
    else:
        model = AmuseForEmotionRecognition(small_config(**settings))
    for mask in [mask for key, mask in batch.items() if key.endswith("_mask") and mask.dim() == 3]:
        mask[0, 1] = 0  # an utterance without any modality has the learned placeholder
    outputs = model.train()(**batch)
    assert outputs.logits.shape == (2, 5, 4) and torch.isfinite(outputs.loss)
    outputs.loss.backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert [name for name, gradient in gradients.items() if gradient is None] == []
    silent = [name for name, gradient in gradients.items() if not gradient.abs().sum() > 0]
    # some weights of the encoder have no effect: a bias of all keys does not change the softmax
    assert [name for name in silent if not name.startswith("amuse.text_model.")] == []


@pytest.mark.parametrize("field", ["fusion", "head_aggregation", "text_scope"])
def test_every_entry_has_a_class_or_function(field):
    registry = REGISTRIES[field]
    implementations = [registry.implementation(name) for name in registry]
    assert len(set(implementations)) == len(registry) and all(map(inspect.getdoc, implementations))


def test_contexts_read_known_contexts():
    assert {name for contexts in CONTEXTS.values() for name in contexts.reads} == set(CONTEXT_CLASSES)
    assert [name for name, scope in TEXT_SCOPES.items() if scope.is_utterance] == ["utterance"]


def test_presets_set_fields_of_the_configuration():
    for preset, settings in PRESETS.items():
        config = AmuseConfig.from_preset(preset)
        assert {name: getattr(config, name) for name in settings} == settings


@pytest.mark.parametrize(("field", "name"), ENTRIES, ids=map("-".join, ENTRIES))
def test_sentences_are_sentences_and_their_numbers_those_of_the_studies(field, name):
    variant = REGISTRIES[field][name]
    for text in (variant.description, variant.measured, variant.differs_from_paper):
        assert text == "" or (text[0].isupper() and text.endswith("."))
    if not variant.measured:
        return
    rows = json.loads((RESULTS / STUDIES[field] / "summary.json").read_text(encoding="utf-8"))["rows"]
    row = next(row for row in rows if row["label"] == LABELS.get(name, name))
    if row["difference"] is None:
        assert f"{row['mean']:.3f} on MELD" in variant.measured
    else:
        assert re.search(r"On MELD ([+-][\d.]+) ", variant.measured)[1] == f"{row['difference']:+.3f}"
        assert ("not significant" in variant.measured) == (row["verdict"] not in ("better", "worse"))


def test_the_tables_need_nothing_but_the_standard_library():
    path = Path(modeling_amuse.__file__).parent / "variants.py"
    program = (
        "import runpy, sys; before = set(sys.modules);"
        f"tables = runpy.run_path({str(path)!r});"
        "print(tables['FUSIONS'].help());"
        "own = {name.split('.')[0] for name in set(sys.modules) - before};"
        "assert own <= set(sys.stdlib_module_names), own"
    )
    # -S: no installed package can be imported
    printed = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True).stdout
    assert [line.split(":")[0] for line in printed.splitlines()] == list(REGISTRIES["fusion"])


def test_an_implementation_needs_an_entry():
    registry = Registry("fusion", "mine", Variant("mine", "Mine."))

    @registry.implements("mine")
    class Mine:
        pass

    assert registry.implementation("mine") is Mine and registry.help() == "mine: Mine."
    with pytest.raises(KeyError, match=r"'yours' has no entry in the table of fusion in variants.py"):
        registry.implements("yours")
