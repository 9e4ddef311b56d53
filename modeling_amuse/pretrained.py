# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""What every AMuSE model shares: configuration class, capabilities and weight initialization."""

import torch
from torch import nn
from transformers import initialization as init
from transformers.modeling_utils import PreTrainedModel

from .adaptive_fusion import AmuseAdaptiveFusion
from .configuration_amuse import AmuseConfig
from .losses import AmuseMemoryBank


class AmusePreTrainedModel(PreTrainedModel):
    """Base class of the AMuSE models: downloading, loading, saving and initializing weights."""

    config: AmuseConfig
    base_model_prefix = "amuse"
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    _no_split_modules = ["AmuseUnimodalEncoder", "AmuseMultimodalAttentionLayer"]
    _supports_sdpa = True
    _supports_attention_backend = True

    @torch.no_grad()
    def _init_weights(self, module: nn.Module):
        super()._init_weights(module)
        if isinstance(module, AmuseAdaptiveFusion):
            init.normal_(module.placeholder, std=self.config.initializer_range)
            if hasattr(module, "alpha_logits"):
                init.zeros_(module.alpha_logits)
        elif isinstance(module, AmuseMemoryBank):
            init.normal_(module.slots)
