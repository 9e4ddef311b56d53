"""
What someone does who has transformers and not this package, with a model of a folder or of the Hub. It is run by
`python -I -S`, which puts neither this repository nor an editable installation on the path.

    python -I -S tests/hub_client.py '{"packages": [folders], "model": ..., "conversation": [...]}'
"""

import importlib.util
import json
import sys

job = json.loads(sys.argv[1])
sys.path += job["packages"]
for name in ("modeling_amuse", "processing", "scripts", "hub_card"):
    assert importlib.util.find_spec(name) is None, f"{name} can be imported: this environment shows nothing"

import torch
from transformers import AutoConfig, AutoModel, AutoProcessor, pipeline
from transformers.dynamic_module_utils import get_class_from_dynamic_module

torch.set_num_threads(1)
found = {"modules": []}
if "model" in job:
    where = {"trust_remote_code": True, "revision": job.get("revision", "main")}
    config = AutoConfig.from_pretrained(job["model"], **where)
    model = AutoModel.from_pretrained(job["model"], **where).eval()
    processor = AutoProcessor.from_pretrained(job["model"], **where)
    recognizer = pipeline(model=job["model"], device="cpu", **where)
    base_class = get_class_from_dynamic_module("modeling_amuse.AmuseModel", job["model"], revision=where["revision"])
    base = base_class.from_pretrained(job["model"], revision=where["revision"]).eval()
    inputs = processor(job["conversation"])
    with torch.no_grad():
        outputs, of_base = model(**inputs), base(**inputs)
    found |= {
        "modules": [type(part).__module__ for part in (config, model, processor, recognizer, base)],
        "classes": [type(part).__name__ for part in (config, model, processor, recognizer, base)],
        "emotions": [config.id2label[label] for label in range(config.num_labels)],
        "logits": outputs.logits.tolist(),
        "base_is_the_same": torch.equal(of_base.last_hidden_state, outputs.last_hidden_state),
        "recognized": recognizer(job["conversation"]),
    }
    if "recording" in job:
        found["heard"] = recognizer(job["recording"], transcript=job["transcript"])
if "snapshot" in job:
    from huggingface_hub import snapshot_download

    found["snapshot"] = snapshot_download(**job["snapshot"])
if "dataset" in job:
    from datasets import load_dataset

    streamed = load_dataset(job["dataset"], streaming=True)
    found["rows"] = {split: list(rows) for split, rows in streamed.items()}
    found["is_streamed"] = type(streamed).__name__ == "IterableDatasetDict"
print("\n" + json.dumps(found))
