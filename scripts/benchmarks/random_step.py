# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Timing training steps on random features in this process. This file is run by its path and imports only `modeling_amuse`, so
that it can time the code of another commit:

    python -S random_step.py TREE CASE STEPS DEVICE [FOLDER of packages ...]
"""

import json
import sys
import time
from pathlib import Path
from statistics import median

CASES = {
    "text": {"text": (384, None)},
    "text, prosody": {"text": (384, None), "audio": (8, 1)},
    "three modalities": {"text": (384, 24), "audio": (512, 50), "vision": (55, 10)},
}
"""The size and the number of tokens of each modality. None: a random number, distributed as in utterances of MELD."""
CONVERSATIONS = 8
BATCHES = 4


def random_batch(case: dict, seed: int) -> dict:
    """Conversations of 1 to 24 utterances; words are drawn so that two thirds of the token places are padding, as on MELD."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 25, (CONVERSATIONS,), generator=generator)
    shape = (CONVERSATIONS, int(lengths.max()))
    is_utterance = torch.arange(shape[1]) < lengths[:, None]
    batch = {
        "utterance_mask": is_utterance.long(),
        "speaker_ids": torch.randint(0, 4, shape, generator=generator),
        "labels": torch.randint(0, 7, shape, generator=generator).masked_fill(~is_utterance, -100),
    }
    for modality, (size, tokens) in case.items():
        if tokens is None:
            draws = torch.randn(shape, generator=generator)
            words = (2 + 9.5 * (0.7 * draws).exp()).round().clamp(max=80).long()
        else:
            words = torch.full(shape, tokens)
        mask = (torch.arange(int(words[is_utterance].max())) < words[..., None]) & is_utterance[..., None]
        batch[f"{modality}_mask"] = mask.long()
        batch[f"{modality}_features"] = torch.randn(*mask.shape, size, generator=generator) * mask[..., None]
    return batch


def timed_steps(case: dict, steps: int, device: str) -> dict[str, float]:
    """The median `milliseconds` of a training step (on a CPU, of CPU time) on some random batches, after a warm-up round."""
    import torch

    import modeling_amuse

    torch.manual_seed(0)
    sizes = {f"{modality}_feature_size": size for modality, (size, _) in case.items()}
    config = modeling_amuse.AmuseConfig(**sizes, num_labels=7)
    model = modeling_amuse.AmuseForEmotionRecognition(config).train().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    batches = [random_batch(case, seed) for seed in range(BATCHES)]
    batches = [{name: tensor.to(device) for name, tensor in batch.items()} for batch in batches]
    clock = time.process_time if device == "cpu" else time.perf_counter  # CPU time does not depend on other processes
    times = []
    for step in range(BATCHES * (steps + 1)):
        start = clock()
        model(**batches[step % BATCHES]).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(1000 * (clock() - start))
    rounds = [sum(times[i : i + BATCHES]) / BATCHES for i in range(BATCHES, len(times), BATCHES)]
    return {"milliseconds": median(rounds)}


def check_tree(tree: Path):
    """
    Raises:
        RuntimeError: when a module of this project comes from another tree.
    """
    for name, module in sys.modules.items():
        path = getattr(module, "__file__", None)
        if (
            name.split(".")[0] in ("modeling_amuse", "processing", "scripts")
            and path
            and tree not in Path(path).parents
        ):
            raise RuntimeError(f"{name} comes from {path}, not from {tree}.")


if __name__ == "__main__":
    folder, case_name, number, device_name, *packages = sys.argv[1:]
    sys.path[:1] = [folder]
    sys.path += packages
    found = timed_steps(CASES[case_name], int(number), device_name)
    check_tree(Path(folder))
    print(json.dumps(found))
