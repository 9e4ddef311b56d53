"""
A program of a user who has transformers, but not this package: it loads models from folders and from the Hub. `python -I -S`
runs it, with which neither this repository nor an editable installation is on the path.

    python -I -S tests/hub/hub_client.py '{"packages": [folders], "models": [[name, revision], ...], "conversation": [...]}'
"""

import importlib.util
import json
import sys

job = json.loads(sys.argv[1])
sys.path += job["packages"]
for name in ("modeling_amuse", "processing", "scripts", "hub_card"):
    assert importlib.util.find_spec(name) is None, f"{name} can be imported: this environment shows nothing"

import torch
from datasets import load_dataset
from huggingface_hub import snapshot_download
from transformers import AutoConfig, AutoModel, AutoProcessor, pipeline
from transformers.dynamic_module_utils import get_class_from_dynamic_module

torch.set_num_threads(1)


def use(name: str, revision: str | None) -> dict:
    where = {"trust_remote_code": True} | ({"revision": revision} if revision else {})
    config = AutoConfig.from_pretrained(name, **where)
    model = AutoModel.from_pretrained(name, **where).eval()
    processor = AutoProcessor.from_pretrained(name, **where)
    recognizer = pipeline(model=name, device="cpu", **where)
    base_class = get_class_from_dynamic_module("modeling_amuse.AmuseModel", name, revision=revision)
    base = base_class.from_pretrained(name, **({"revision": revision} if revision else {})).eval()
    inputs = processor(job["conversation"])
    with torch.no_grad():
        outputs, of_base = model(**inputs), base(**inputs)
    found = {
        "modules": [type(part).__module__ for part in (config, model, processor, recognizer, base)],
        "classes": [type(part).__name__ for part in (config, model, processor, recognizer, base)],
        "emotions": [config.id2label[label] for label in range(config.num_labels)],
        "logits": outputs.logits.tolist(),
        "base_is_the_same": torch.equal(of_base.last_hidden_state, outputs.last_hidden_state),
        "recognized": recognizer(job["conversation"]),
    }
    if "recording" in job:
        found["heard"] = recognizer(job["recording"], transcript=job["transcript"])
    return found


def refusal(name: str) -> str | None:
    try:
        AutoModel.from_pretrained(name, trust_remote_code=False)
    except ValueError as error:
        return str(error)


streamed = load_dataset(job["dataset"], streaming=True)
found = {
    "models": [use(*model) for model in job["models"]],
    "without_trust": refusal(job["models"][0][0]),
    "snapshots": [snapshot_download(**snapshot) for snapshot in job["snapshots"]],
    "streamed": {split: [type(rows).__name__, list(rows)] for split, rows in streamed.items()},
}
print("\n" + json.dumps(found))
