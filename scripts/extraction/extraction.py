# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Computing the features of a corpus's recordings with one or several processes."""

import hashlib
import json
import math
import os
from collections import Counter, defaultdict
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from datetime import timedelta
from functools import cache, partial
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from tqdm.auto import tqdm
from transformers import AutoConfig

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.corpora.conversation_builder import unread_key
from modeling_amuse.processing.corpora.encoder_states import encoder_record
from modeling_amuse.processing.corpora.feature_files import load_feature_tables
from modeling_amuse.processing.corpora.feature_tables import write_feature_table
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.feature_extractors import FEATURE_EXTRACTORS, extract_features, extractor_record
from modeling_amuse.processing.process_pool import process_pool
from modeling_amuse.recording_states import recording_encoders
from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.command.process import usable_cores
from modeling_amuse.scripts.extraction.extraction_arguments import ExtractionArguments
from modeling_amuse.scripts.training.model_loading import encoder_part


def extract_corpus(args: ExtractionArguments):
    """
    Compute the features of a corpus and write their tables.

    Raises:
        ValueError: when no extractor is given, no utterance has a recording, or a process crashes.
    """
    # a process that has finished its share may wait long for the others
    state = PartialState(cpu=not torch.cuda.is_available(), timeout=timedelta(days=7))
    jobs = extraction_jobs(args, str(state.device))
    with state.main_process_first():
        data = load_conversations(args.dataset_name, args.data_dir, args.cache_dir, options=args.options())
    if state.is_main_process:
        print(data.describe())
    counts = sum(data.report.values(), Counter())
    unread = [key for key in ("audio_track", "audio_channel") if counts[unread_key(key)]]
    if unread and any("audio" in job["folders"] for job in jobs):
        raise ValueError(
            f"Utterances of {args.place()} have {' and '.join(unread)}, which data sets do not have: the features would be those "
            "of all channels of one track. Write each channel or track to a file of its own, and remove the key."
        )
    utterances = {split: [u for row in rows["utterances"] for u in row] for split, rows in data.splits.items()}
    if not any(u["audio"] or u["video"] for rows in utterances.values() for u in rows):
        raise ValueError(
            f"No utterance of {args.place()} has a recording: give their paths as 'audio' or 'video', or the data set's folder."
        )
    parts = [(split, part) for split, rows in utterances.items() for part in parts_of(rows, args.utterances_per_part)]
    # each process has its own encoder, of which a GPU should hold only one
    has_encoder = args.audio_model is not None or args.vision_model is not None
    usual = 1 if has_encoder and state.device.type != "cpu" else usable_cores() // state.num_processes
    own_parts = math.ceil(len(parts) / state.num_processes)
    num_processes = min(args.num_processes or max(1, usual), own_parts)
    try:
        with ExitStack() as stack:
            mapped = map
            if num_processes > 1:
                mapped = stack.enter_context(process_pool(num_processes, one_thread)).map
            for job in jobs:
                extract(job, parts, mapped, Path(args.output_dir), state)
    except BrokenProcessPool as error:
        raise ValueError(
            "A process that computes features crashed, or was killed for lack of memory. What is finished is kept. `amuse audit` "
            "names recordings that crash the decoder; less memory is needed with --num_processes 1."
        ) from error
    state.wait_for_everyone()
    state.destroy_process_group()


def extract(job: dict, parts: list[tuple[str, list[dict]]], mapped, output_dir: Path, state: PartialState):
    """Compute features in one pass over the recordings, shared by the processes; the main process writes the tables."""
    folders = {stream: output_dir / name for stream, name in job["folders"].items()}
    for folder in folders.values():
        (folder / "parts").mkdir(parents=True, exist_ok=True)
    work = partial(compute_part, job, folders)
    shares = [range(process, len(parts), state.num_processes) for process in range(state.num_processes)]
    own = [parts[number] for number in shares[state.process_index]]
    description = {"desc": ", ".join(job["folders"].values()), "unit": "part", "disable": not state.is_main_process}
    names = gather_object(list(tqdm(mapped(work, own), total=len(own), **description)))
    if not state.is_main_process:
        return
    # the names are gathered share by share: restore the order of the parts
    names = [name for _, name in sorted(zip((number for share in shares for number in share), names, strict=True))]
    for stream, folder in folders.items():
        for split in dict.fromkeys(split for split, _ in parts):
            merge(folder, split, [name for (s, _), name in zip(parts, names, strict=True) if s == split], stream)


def extraction_jobs(args: ExtractionArguments, device: str = "cpu") -> list[dict]:
    """The passes over the recordings. For each: the extractor or encoder, and the folder of each stream that it computes."""
    jobs = [{"folders": {FEATURE_EXTRACTORS[name].stream: name}, "extractor": name} for name in args.extractors]
    if args.audio_model:
        jobs.append(
            {
                "folders": {"audio": "audio_model"},
                "modality": "audio",
                "model": args.audio_model,
                "pooling": args.audio_token_pooling,
                "device": device,
            }
        )
    if args.vision_model:
        jobs.append(
            {
                "folders": {"vision": "face_images", "background": "backgrounds"},
                "modality": "vision",
                "model": args.vision_model,
                "device": device,
            }
        )
    if not jobs:
        raise WrongArguments("There is nothing to extract: give --extractors, --audio_model or --vision_model.")
    return jobs


def parts_of(utterances: list[dict], size: int) -> list[list[dict]]:
    """Divide utterances into parts of about `size`. Those of a recording stay together, so that it is read only once."""
    of_recording = defaultdict(list)
    for utterance in utterances:
        of_recording[utterance["video"] or utterance["audio"]].append(utterance)
    parts = [[]]
    for together in of_recording.values():
        if len(parts[-1]) >= size:
            parts.append([])
        parts[-1] += together
    return parts


def one_thread():
    """Use one thread in this process, as the processes share the cores."""
    torch.set_num_threads(1)


@cache
def frozen_encoders(modality: str, name: str, pooling: int, device: str) -> tuple[dict, dict]:
    """The extractors of a pretrained encoder's states, and its record; loaded once in each process."""
    processor = AmuseProcessor(**encoder_part(modality, name))
    size = getattr(AutoConfig.from_pretrained(name), "hidden_size", None)
    streams = {"background_feature_size": size} if modality == "vision" else {}
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        **{modality: name}, **streams, audio_token_pooling=pooling, crop_audio_window=True
    )
    model.eval().to(device)
    encoders = recording_encoders(model.amuse, processor)
    return encoders, encoder_record(model.amuse.encoder(modality), pooling, crop_window=True)


def compute_part(job: dict, folders: dict[str, Path], part: tuple[str, list[dict]]) -> str:
    """Compute the features of a part, unless its files exist. Returns the name of its files."""
    split, utterances = part
    if "extractor" in job:
        extractors = {stream: FEATURE_EXTRACTORS[job["extractor"]].compute for stream in folders}
        record = extractor_record(job["extractor"])
    else:
        encoders, record = frozen_encoders(job["modality"], job["model"], job.get("pooling", 1), job["device"])
        extractors = {stream: encoders[stream] for stream in folders}
    keys = ("id", "audio", "video", "start", "end", "audio_start", "video_start", "video_side")
    media = {utterance[medium] for utterance in utterances for medium in ("audio", "video")} - {None}
    # the file name depends on the state of the recordings, so that replaced recordings are read again
    states = [
        [path, os.stat(path).st_size, os.stat(path).st_mtime_ns] for path in sorted(media) if os.path.exists(path)
    ]
    what = json.dumps([record, states, [[utterance[key] for key in keys] for utterance in utterances]], sort_keys=True)
    name = f"{split}-{hashlib.sha256(what.encode()).hexdigest()[:24]}.parquet"
    if all((folder / "parts" / name).is_file() for folder in folders.values()):
        return name
    found = {stream: {utterance["id"]: None for utterance in utterances} for stream in folders}
    for position, stream, features in extract_features(
        utterances, extractors, with_images=job.get("modality") == "vision", skip_unreadable=True
    ):
        found[stream][utterances[position]["id"]] = features
    for stream, folder in folders.items():
        write_feature_table(folder / "parts" / name, found[stream], record)
    return name


def merge(folder: Path, split: str, names: list[str], stream: str):
    """Merge the parts of a split into one table."""
    features, record = {}, None
    for name in names:
        table = load_feature_tables(str(folder / "parts" / name), [split])[split]
        features |= {identifier: table.get(identifier) for identifier in table.rows}
        record = table.record
    write_feature_table(folder / f"{split}.parquet", features, record)
    print(f"{folder / split}.parquet: {len(features)} utterances with {stream} features")
