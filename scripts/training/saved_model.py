# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Saving the trained model."""

from copy import deepcopy
from pathlib import Path

from accelerate import Accelerator
from accelerate.utils import DistributedType
from peft import PeftModel

from modeling_amuse.processing.whole_files import whole_files


def save_model(model, adapters: PeftModel | None, processor, output_dir: Path, accelerator: Accelerator):
    """
    Save the model and its processor. An earlier model is replaced only when the new one is complete. All processes must
    call this, as a sharded model is gathered from all of them.

    Args:
        model: the model, or the moving average of its weights.
        adapters: the model with PEFT's methods if LoRA adapters are trained. They are merged into the saved model, and also
            saved alone in the folder `adapter`.
        processor: the model's processor.
        output_dir: the folder to write to.
        accelerator: the accelerator of the training.
    """
    weights = accelerator.get_state_dict(model) if accelerator.distributed_type == DistributedType.FSDP else None
    if not accelerator.is_main_process:
        return
    with whole_files(output_dir) as unfinished:
        if adapters is None:
            model.save_pretrained(unfinished, state_dict=weights)
        else:
            # a copy is merged, as the training continues with the adapters
            deepcopy(adapters).merge_and_unload().save_pretrained(unfinished)
            adapters.save_pretrained(unfinished / "adapter")
            (unfinished / "adapter" / "README.md").unlink()  # an unfilled template
        processor.save_pretrained(unfinished)
