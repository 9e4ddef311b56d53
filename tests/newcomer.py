"""The script of a new user: print the emotions of a conversation as a table."""

import json

import pandas as pd
from transformers import pipeline

import modeling_amuse  # noqa: F401  registers AMuSE with transformers

recognizer = pipeline("emotion-recognition", model="amuse-sample")
with open("talk.jsonl", encoding="utf-8") as file:
    conversation = json.loads(file.readline())
table = pd.DataFrame(recognizer(conversation))
print(table[["speaker", "text", "emotion", "confidence"]].to_string(index=False))
