# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""torch.compile gives the numbers of the model, and does not compile again for each batch."""

import shutil

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

from tests.small_models import random_batch, small_model, with_experts

pytestmark = pytest.mark.slow
SMALL = ((5, 3), 4)
# In the first of these, no two sizes that vary are equal: the compiler would take them for one.
SHAPES = (((9, 2), 8), ((2, 7, 4), 3), SMALL, ((6, 4), 5), ((3, 3, 5, 2), 6), ((8, 2, 2), 7))


def two_modalities(**changes):
    sizes = {"vision_feature_size": None, "background_feature_size": None}
    return small_model(**{"num_man_layers": 1, "hidden_dropout": 0.0, **sizes, **changes})


def batch_of(lengths, tokens):
    return random_batch(lengths, tokens, seed=1, streams=("text", "audio"))


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def test_a_compiled_model_gives_the_same_numbers_and_is_compiled_for_all_shapes():
    model = with_experts(two_modalities(experts="adaptive", expert_half_evidence={"audio": 2.0}))
    counter = CompileCounterWithBackend("eager")  # the tests below run the backends that lower the graphs further
    compiled, graphs = torch.compile(model, backend=counter, dynamic=True), []
    for lengths, tokens in SHAPES:
        batch = batch_of(lengths, tokens)
        with torch.no_grad():
            expected, given = model(**batch), compiled(**batch)
        graphs.append(counter.frame_count)
        for name in ("logits", "expert_terms", "modality_logits", "fusion_shares", "loss"):
            torch.testing.assert_close(given[name], expected[name], atol=1e-5, rtol=0)
    assert graphs[0] > 0
    assert graphs[-1] == graphs[1]  # the second batch may show which sizes vary; later batches need no new compilation


def test_a_training_step_of_a_compiled_model_is_that_of_the_model():
    model, batch = two_modalities().train(), batch_of(*SMALL)
    compiled = torch.compile(model, backend="aot_eager")  # as it is called by default; for one shape, it is faster

    def weights_after_a_step(forward) -> dict[str, torch.Tensor]:
        before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        forward(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        after = {name: weight.detach().clone() for name, weight in model.named_parameters()}
        assert any(not torch.equal(after[name], before[name]) for name in before)
        model.load_state_dict(before, strict=False)
        return after

    expected, given = weights_after_a_step(model), weights_after_a_step(compiled)
    for name, weight in expected.items():
        torch.testing.assert_close(
            given[name], weight, atol=1e-5, rtol=0, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")
def test_inductor_gives_the_same_numbers():
    model = two_modalities(
        audio_feature_size=None, contexts="dialogue"
    )  # few graphs, because each needs a C++ compilation
    batch = random_batch(*SMALL, streams=("text",))
    compiled = torch.compile(model, dynamic=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(**batch).logits, model(**batch).logits, atol=1e-5, rtol=0)
