# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""What every AMuSE model shares: configuration class, capabilities and weight initialization."""

from pathlib import Path

import torch
from torch import nn
from transformers import initialization as init
from transformers.modeling_utils import PreTrainedModel

from .adaptive_fusion import AmuseAdaptiveFusion
from .configuration_amuse import AmuseConfig
from .losses import AmuseMemoryBank
from .pickled_adapters import check_adapter

RAW_INPUTS = {"text": "input_ids", "audio": "audio_values", "vision": "pixel_values"}
"""What `forward` takes for the encoder of each modality."""


class AmusePreTrainedModel(PreTrainedModel):
    """Base class of the AMuSE models: downloading, loading, saving and initializing weights."""

    config: AmuseConfig
    base_model_prefix = "amuse"
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    _no_split_modules = ["AmuseUnimodalEncoder", "AmuseMultimodalAttentionLayer"]
    _supports_sdpa = True
    _supports_attention_backend = True

    def __init__(self, config: AmuseConfig):
        super().__init__(config)
        # a model without a text encoder takes no input_ids
        for modality in config.modalities[:1]:
            has_encoder = getattr(config, f"{modality}_config") is not None
            self.main_input_name = RAW_INPUTS[modality] if has_encoder else f"{modality}_features"

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, *model_args, use_safetensors: bool | None = True, **kwargs):
        """
        As `PreTrainedModel.from_pretrained`, from safetensors alone: a pickle may run code when it is read.

        Raises:
            ValueError: for `use_safetensors=False`.
            OSError: when there are no such weights.
        """
        if use_safetensors is False:
            raise ValueError(
                "use_safetensors=False would load a pickle, which may run code: AMuSE loads safetensors alone."
            )
        try:
            return super().from_pretrained(pretrained_model_name_or_path, *model_args, use_safetensors=True, **kwargs)
        except OSError as error:
            folder = Path(str(pretrained_model_name_or_path))
            if any(folder.glob("*.safetensors")) or not any(folder.glob("pytorch_model*.bin*")):
                raise
            raise OSError(
                f"{folder} holds its weights as a pickle alone (pytorch_model.bin), which may run code when it is read, and is "
                "never loaded: load it where you trust it, and save it with save_pretrained, as model.safetensors."
            ) from error

    def load_adapter(self, peft_model_id: str | None = None, *args, **kwargs):
        """
        As `PreTrainedModel.load_adapter`, from safetensors alone.

        Raises:
            OSError: when the adapter has none.
        """
        if peft_model_id is not None and kwargs.get("adapter_state_dict") is None:
            load_config = kwargs.get("load_config")
            check_adapter(peft_model_id, **(kwargs if load_config is None else load_config.download_kwargs))
        return super().load_adapter(peft_model_id, *args, **kwargs)

    @classmethod
    def is_custom_code(cls) -> bool:
        """
        False: `_init_weights` writes through `transformers.initialization`, which never touches what was loaded. Custom
        code is suspected not to, and modules without weights of their own are not initialized then; among them encoders
        that fill their children's weights, as Whisper's does with its positions.
        """
        return False

    @torch.no_grad()
    def _init_weights(self, module: nn.Module):
        super()._init_weights(module)
        if isinstance(module, AmuseAdaptiveFusion):
            init.normal_(module.placeholder, std=self.config.initializer_range)
            if hasattr(module, "alpha_logits"):
                init.zeros_(module.alpha_logits)
        elif isinstance(module, AmuseMemoryBank):
            init.normal_(module.slots)
