# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""What every AMuSE model shares: configuration class, capabilities and weight initialization."""

import torch
from torch import nn
from transformers import initialization as init
from transformers.modeling_utils import PreTrainedModel

from .adaptive_fusion import AmuseAdaptiveFusion
from .configuration_amuse import AmuseConfig
from .losses import AmuseMemoryBank

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
