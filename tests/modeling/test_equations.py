"""The model against loops that follow the equations of the paper, in float64."""

import math

import pytest
import torch
from torch import nn

from modeling_amuse.adaptive_fusion import build_fusion, head_gradients
from modeling_amuse.conversation_context import DialogueContext
from modeling_amuse.losses import AmuseMemoryBank, focal_loss, in_batch_contrastive_loss
from modeling_amuse.multimodal_attention import AmuseMultimodalAttentionNetwork
from modeling_amuse.tokens import Tokens, mean_of_successive
from modeling_amuse.utterance_layout import grouped
from modeling_amuse.variants import FUSIONS
from tests.small_models import random_batch, small_config, small_model

ROWS, SIZE, HEADS, LABELS = 5, 16, 2, 4
LENGTHS = torch.tensor([[3, 2, 4], [1, 1, 1], [2, 0, 3], [0, 0, 2], [4, 3, 0]])  # tokens of text, audio, vision


@pytest.fixture(autouse=True)
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def with_large_weights(module: nn.Module) -> nn.Module:
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module.eval()


def softmax(scores: list[float]) -> list[float]:
    exponentials = [math.exp(score - max(scores)) for score in scores]
    return [e / sum(exponentials) for e in exponentials]


@pytest.mark.parametrize("head_aggregation", ["mean", "concat"])
def test_eq_1_multimodal_attention(head_aggregation):
    config = small_config(head_aggregation=head_aggregation, num_man_layers=3)
    network = with_large_weights(AmuseMultimodalAttentionNetwork(config))
    widths = LENGTHS.max(dim=0).values.clamp(min=1).tolist()
    states = [torch.randn(ROWS, width, SIZE) for width in widths]
    features = [Tokens(f, LENGTHS[:, m]) for m, f in enumerate(states)]
    with torch.no_grad():
        computed = network(features).last_hidden_state.split(widths, dim=1)

    head = SIZE // HEADS
    value = SIZE if head_aggregation == "mean" else head
    names = list(config.modalities)
    for row in range(ROWS):
        f = [states[m][row, : LENGTHS[row, m]] for m in range(3)]
        g = [list(tokens) for tokens in f]
        for layer in range(3):
            attention = network.layers[layer].attention.centrals
            updated = [list(tokens) for tokens in g]
            for m in range(3):
                present = [i for i in range(3) if i != m and len(f[i]) > 0]
                for token, state in enumerate(g[m]):
                    query = attention[names[m]].query.weight @ state
                    total = torch.zeros(SIZE)
                    for i in present:
                        # this layer's projections of f_i for the central modality m, from the single product of modality i
                        central = [c for c in range(3) if c != i].index(m)
                        step = SIZE + HEADS * value
                        start = (layer * 2 + central) * step
                        weight = network.peripherals[names[i]].weight[start : start + step]
                        heads = []
                        for h in range(HEADS):
                            w_k = weight[h * head : (h + 1) * head]
                            w_v = weight[SIZE + h * value : SIZE + (h + 1) * value]
                            scores = [
                                (query[h * head : (h + 1) * head] @ (w_k @ x)).item() / math.sqrt(head) for x in f[i]
                            ]
                            heads.append(sum(p * (w_v @ x) for p, x in zip(softmax(scores), f[i], strict=True)))
                        total = total + (sum(heads) / HEADS if head_aggregation == "mean" else torch.cat(heads))
                    if present:
                        total = total / len(present)
                    if head_aggregation == "concat":
                        total = attention[names[m]].output.weight @ total
                    updated[m][token] = state + total
            g = updated
        for m in range(3):
            for token, state in enumerate(g[m]):
                torch.testing.assert_close(computed[m][row, token], state, atol=1e-10, rtol=0)


def fusion_and_heads(mode: str):
    config = small_config(fusion=mode)
    fusion = with_large_weights(build_fusion(config))
    heads = with_large_weights(nn.ModuleList([nn.Linear(SIZE, LABELS) for _ in range(3)]))
    return fusion, heads


def alfa_by_loop(f_m: torch.Tensor, f_i: torch.Tensor, head: nn.Linear, epsilon: float) -> torch.Tensor:
    """Eq. 6 with autograd and scalars. The target is the prediction of the head itself."""
    f_m = f_m.clone().requires_grad_()
    logits = head(f_m)
    nn.functional.cross_entropy(logits, logits.argmax()).backward()
    g = f_m.grad
    distance = math.sqrt(sum((a - b).item() ** 2 for a, b in zip(f_i, f_m, strict=True)))
    norm = math.sqrt(sum(x.item() ** 2 for x in g))
    alpha = []
    for x, a, b in zip(g.tolist(), f_i.tolist(), f_m.tolist(), strict=True):
        alpha.append(min(max(epsilon * distance * x / norm / (a - b), 0.0), 1.0) if a != b else 0.0)
    return torch.tensor(alpha)


def test_eq_2_and_eq_6_alfa():
    fusion, heads = fusion_and_heads("alfa")
    descriptors, present = torch.randn(ROWS, 3, SIZE), LENGTHS > 0
    descriptors[0, 1, 3] = descriptors[0, 0, 3]  # 0 / 0 in eq. 6
    with torch.no_grad():
        fused, shares = fusion(descriptors, present, head_gradients(descriptors, heads))
    assert ((fused[0] - descriptors[0].flatten()).abs() > 1e-9).sum() > 0  # alpha is not zero everywhere
    for row in range(ROWS):
        expected, coefficient = blocks_by_loop(
            descriptors[row], present[row], lambda m, i, f: alfa_by_loop(f[m], f[i], heads[m], fusion.epsilon)
        )
        torch.testing.assert_close(fused[row], expected, atol=1e-12, rtol=0)
        torch.testing.assert_close(shares[row], coefficient, atol=1e-12, rtol=0)


def test_eq_2_gate():
    fusion, _heads = fusion_and_heads("gate")
    descriptors, present = torch.randn(ROWS, 3, SIZE), LENGTHS > 0
    with torch.no_grad():
        fused, shares = fusion(descriptors, present)
        for row in range(ROWS):
            expected, coefficient = blocks_by_loop(
                descriptors[row], present[row], lambda m, i, f: torch.sigmoid(fusion.gates[m](torch.cat([f[m], f[i]])))
            )
            torch.testing.assert_close(fused[row], expected, atol=1e-12, rtol=0)
            torch.testing.assert_close(shares[row], coefficient, atol=1e-12, rtol=0)


def blocks_by_loop(f: torch.Tensor, present: torch.Tensor, alpha) -> tuple[torch.Tensor, torch.Tensor]:
    """Eq. 2 for one utterance, and the mean coefficient of each descriptor."""
    there = [m for m in range(3) if present[m]]
    blocks, coefficients = [], torch.zeros(3, 3, SIZE)
    for m in range(3):
        others = [i for i in there if i != m]
        if not present[m]:
            blocks.append(sum(f[i] for i in others) / len(others))
            for i in others:
                coefficients[m, i] += 1 / len(others)
        elif not others:
            blocks.append(f[m])
            coefficients[m, m] += 1
        else:
            terms = []
            for i in others:
                a = alpha(m, i, f)
                terms.append(a * f[i] + (1 - a) * f[m])
                coefficients[m, i] += a / len(others)
                coefficients[m, m] += (1 - a) / len(others)
            blocks.append(sum(terms) / len(others))
    return torch.cat(blocks), coefficients.mean(dim=(0, 2))


@pytest.mark.parametrize("mode", list(FUSIONS))
def test_shares_sum_to_one_in_every_mode(mode):
    share = 1 / 3 if mode in ("equal", "concat") else None
    fusion, heads = fusion_and_heads(mode)
    descriptors = torch.randn(ROWS, 3, SIZE)
    with torch.no_grad():
        _fused, shares = fusion(descriptors, LENGTHS > 0, head_gradients(descriptors, heads))
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(ROWS))
    assert (shares[LENGTHS == 0] == 0).all()
    assert torch.equal(shares[3], torch.tensor([0.0, 0.0, 1.0]))
    if share is not None:
        torch.testing.assert_close(shares[0], torch.full((3,), share))


def test_one_present_modality_fills_every_block():
    fusion, _heads = fusion_and_heads("gate")
    descriptors = torch.randn(ROWS, 3, SIZE)
    fused, _ = fusion(descriptors, LENGTHS > 0)
    assert torch.equal(fused[3].view(3, SIZE), descriptors[3, 2].expand(3, SIZE))


@pytest.mark.parametrize("causal", [False, True])
def test_contexts_read_each_group_by_itself(causal):
    context = with_large_weights(DialogueContext(small_config(causal=causal)))
    utterances = torch.randn(7, 3 * SIZE)
    groups = torch.tensor([4, 9, 4, 4, 0, 9, 0])
    with torch.no_grad():
        computed = context(utterances, grouped(groups))
        for group in (0, 4, 9):
            expected, _ = context.recurrent.lstm(utterances[groups == group][None])
            torch.testing.assert_close(computed[groups == group], expected[0])


def test_a_causal_context_read_step_by_step():
    context = with_large_weights(DialogueContext(small_config(causal=True)))
    utterances = torch.randn(5, 2, 3 * SIZE)  # of two groups
    state, steps = None, []
    with torch.no_grad():
        for utterance in utterances:
            descriptors, state = context.step(utterance, state)
            steps.append(descriptors)
        whole = context(utterances.flatten(0, 1), grouped(torch.tensor([0, 1] * 5))).unflatten(0, (5, 2))
    torch.testing.assert_close(torch.stack(steps), whole, atol=1e-12, rtol=0)
    torch.testing.assert_close(state[0], whole[-1], atol=1e-12, rtol=0)


@pytest.mark.parametrize("number", [1, 2, 3, 9])
def test_means_of_successive_tokens(number):
    states, lengths = torch.randn(4, 7, SIZE), [7, 4, 1, 0]
    mask = torch.arange(7) < torch.tensor(lengths)[:, None]
    mask[0, 1] = False  # a hole
    pooled, valid = mean_of_successive(states.masked_fill(~mask[..., None], float("nan")), mask, number)
    assert pooled.shape[1] == valid.shape[1] == math.ceil(7 / number)
    for row in range(4):
        for place in range(pooled.shape[1]):
            pool = [states[row, n] for n in range(number * place, min(number * (place + 1), 7)) if mask[row, n]]
            assert bool(valid[row, place]) is bool(pool)
            if pool:
                torch.testing.assert_close(pooled[row, place], sum(pool) / len(pool), atol=1e-12, rtol=0)


@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2])
def test_eq_3_focal_loss(gamma):
    logits, labels = torch.randn(6, LABELS), torch.tensor([0, 1, 2, 3, 0, 1])
    weights = [0.5, 1.0, 2.0, 3.0]
    computed = focal_loss(logits, labels, gamma, weights)
    for row, label in enumerate(labels.tolist()):
        p = softmax(logits[row].tolist())[label]
        assert float(computed[row]) == pytest.approx(-weights[label] * (1 - p) ** gamma * math.log(p), rel=1e-5)


def test_focal_loss_has_finite_gradients_at_certainty():
    logits = torch.tensor([[60.0, 0.0]], requires_grad=True)
    focal_loss(logits, torch.tensor([0]), gamma=0.5).sum().backward()
    assert torch.isfinite(logits.grad).all()


PRESENT = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 1, 1]]).bool()
PAIRS = [(m, i) for m in range(3) for i in range(3) if m != i]


def test_in_batch_contrastive_loss():
    descriptors, temperature = torch.randn(4, 3, SIZE), 0.3
    computed = in_batch_contrastive_loss(descriptors, PRESENT, temperature)
    for row in range(4):
        losses = []
        for m, i in PAIRS:
            if PRESENT[row, m] and PRESENT[row, i]:
                candidates = [other for other in range(4) if PRESENT[other, i]]
                scores = [
                    float(torch.cosine_similarity(descriptors[row, m], descriptors[other, i], dim=0)) / temperature
                    for other in candidates
                ]
                losses.append(-math.log(softmax(scores)[candidates.index(row)]))
        expected = sum(losses) / len(losses) if losses else 0.0
        assert float(computed[row]) == pytest.approx(expected, rel=1e-5)


def test_eq_4_and_5_memory_bank():
    config = small_config(
        contrastive_loss="bank", memory_bank_size=9, num_contrastive_negatives=6, contrastive_temperature=0.5
    )
    bank = AmuseMemoryBank(config).eval()
    nn.init.normal_(bank.slots)
    descriptors, ids = torch.randn(4, 3, SIZE), torch.tensor([0, 3, 5, 8])
    torch.manual_seed(1)
    computed = bank(descriptors, PRESENT, ids)
    torch.manual_seed(1)
    drawn = torch.randint(9, (6,)).tolist()
    for row in range(4):
        losses = []
        for m, i in PAIRS:
            if not (PRESENT[row, m] and PRESENT[row, i]):
                continue
            negatives = [bank.slots[i, slot] for slot in drawn if slot != ids[row]]

            def similarity(other, row=row, m=m):
                return math.exp(float(torch.cosine_similarity(descriptors[row, m], other, dim=0)) / 0.5)

            total = 9  # the number of training utterances cancels
            z = total * sum(map(similarity, negatives)) / len(negatives)

            def h(other, z=z, total=total, negatives=negatives, similarity=similarity):
                p = similarity(other) / z
                return p / (p + len(negatives) / total)

            losses.append(-math.log(h(descriptors[row, i])) - sum(math.log(1 - h(other)) for other in negatives))
        expected = sum(losses) / len(losses) if losses else 0.0
        assert float(computed[row]) == pytest.approx(expected, rel=1e-5)


def test_the_memory_bank_learns_in_training_alone_and_only_what_is_present():
    bank = AmuseMemoryBank(small_config(contrastive_loss="bank", memory_bank_size=9))
    nn.init.normal_(bank.slots)
    before, descriptors, ids = bank.slots.clone(), torch.randn(4, 3, SIZE), torch.tensor([0, 3, 5, 8])
    bank.eval()(descriptors, PRESENT, ids)
    assert torch.equal(bank.slots, before)
    bank.train()(descriptors, PRESENT, ids)
    changed = (bank.slots != before).any(dim=2)
    assert torch.equal(changed[:, ids].T, PRESENT)
    assert not changed[:, [1, 2, 4, 6, 7]].any()
    new = nn.functional.normalize(descriptors[0, 0], dim=0)
    expected = nn.functional.normalize(0.9 * before[0, 0] + 0.1 * new, dim=0)
    torch.testing.assert_close(bank.slots[0, 0], expected, atol=1e-6, rtol=0)


def test_the_loss_is_the_sum_of_its_terms_over_labelled_utterances():
    model = small_model(contrastive_loss="in_batch", hidden_dropout=0.0).double().train()
    batch = {key: value.double() if value.is_floating_point() else value for key, value in random_batch((4, 2)).items()}
    batch["labels"][0, 1] = -100
    outputs = model(**batch)
    labelled = batch["utterance_mask"].bool() & (batch["labels"] != -100)
    labels = batch["labels"][labelled]
    classification = focal_loss(outputs.logits[labelled], labels, 1.0).mean()
    by_modality = sum(focal_loss(outputs.modality_logits[labelled][:, m], labels, 1.0).mean() for m in range(3)) / 3
    contrastive = in_batch_contrastive_loss(
        outputs.modality_descriptors[labelled], outputs.modality_mask[labelled].bool(), 0.07
    ).mean()
    torch.testing.assert_close(outputs.loss, classification + by_modality + 0.5 * contrastive, atol=1e-6, rtol=0)
    torch.testing.assert_close(model(**batch, num_items_in_batch=10).loss, outputs.loss * len(labels) / 10)


def test_losses_of_parts_add_up_to_the_loss_of_the_whole():
    model, batch = small_model(hidden_dropout=0.0).train(), random_batch((4, 2, 5))
    model = model.double()
    batch = {key: value.double() if value.is_floating_point() else value for key, value in batch.items()}
    whole = model(**batch, num_items_in_batch=11).loss
    parts = [model(**{k: v[n : n + 1] for k, v in batch.items()}, num_items_in_batch=11).loss for n in range(3)]
    torch.testing.assert_close(sum(parts), whole)


def test_padding_and_unknown_labels_take_no_part_in_the_loss():
    model, batch = small_model(contrastive_loss="in_batch", hidden_dropout=0.0).train(), random_batch((3, 5))
    other = {**batch, "labels": batch["labels"].masked_fill(batch["utterance_mask"] == 0, 3)}
    torch.testing.assert_close(model(**other).loss.double(), model(**batch).loss.double())
    assert model(**batch).contrastive_loss > 0
    batch["labels"][:] = -100
    assert model(**batch).loss.item() == model(**batch, num_items_in_batch=0).loss.item() == 0
