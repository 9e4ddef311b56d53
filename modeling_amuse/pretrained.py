# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The base class of all AMuSE models: configuration class, capabilities and weight initialization."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn
from transformers.dynamic_module_utils import custom_object_save
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import TransformersKwargs

from .configuration_amuse import AmuseConfig
from .loaded_weights import check_loaded_weights
from .loading_boundary import check_stated_sizes, load_boundary
from .pickled_adapters import check_adapter

RAW_INPUTS = {"text": "input_ids", "audio": "audio_values", "vision": "pixel_values"}
"""The input of `forward` for the encoder of each modality."""


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
        config.use_default_modality()
        check_stated_sizes(config)
        super().__init__(config)
        # a model without a text encoder has no input_ids
        for modality in config.modalities[:1]:
            has_encoder = getattr(config, f"{modality}_config") is not None
            self.main_input_name = RAW_INPUTS[modality] if has_encoder else f"{modality}_features"

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, *model_args, use_safetensors: bool | None = True, **kwargs):
        """
        Like `PreTrainedModel.from_pretrained`, but it only loads safetensors: loading a pickle may run code.

        A recognizer can be started from a base model: transformers initializes the missing weights, with a warning. They must
        be trained before the recognizer is used.

        Raises:
            ValueError: for `use_safetensors=False`; when a saved model of this class lacks some of its weights; when a weight is
                NaN or infinite; for a folder that is damaged, whose name is in the message.
            OSError: when the folder or repository has no safetensors.
            TypeError: for an unknown keyword.
        """
        if use_safetensors is False:
            raise ValueError(
                "use_safetensors=False would load a pickle, which may run code: AMuSE only loads safetensors."
            )
        with_loading = kwargs.pop("output_loading_info", False)
        try:
            with load_boundary(pretrained_model_name_or_path):
                model, loading = super().from_pretrained(
                    pretrained_model_name_or_path,
                    *model_args,
                    use_safetensors=True,
                    output_loading_info=True,
                    **kwargs,
                )
        except OSError as error:
            folder = Path(str(pretrained_model_name_or_path))
            if any(folder.glob("*.safetensors")) or not any(folder.glob("pytorch_model*.bin*")):
                raise
            raise OSError(
                f"{folder} has no safetensors, only a pickle (pytorch_model.bin). Loading a pickle may run code, so AMuSE "
                "never loads one: if you trust the file, convert it to model.safetensors."
            ) from error
        if pretrained_model_name_or_path is not None:  # else the caller gave the weights
            check_loaded_weights(model, str(pretrained_model_name_or_path), loading, kwargs)
        return (model, loading) if with_loading else model

    def load_adapter(self, peft_model_id: str | None = None, *args, **kwargs):
        """
        Like `PreTrainedModel.load_adapter`, but it only loads safetensors.

        Raises:
            OSError: when the adapter has no safetensors.
        """
        if peft_model_id is not None and kwargs.get("adapter_state_dict") is None:
            load_config = kwargs.get("load_config")
            check_adapter(peft_model_id, **(kwargs if load_config is None else load_config.download_kwargs))
        return super().load_adapter(peft_model_id, *args, **kwargs)

    def save_pretrained(self, save_directory, *args, **kwargs):
        """
        Like `PreTrainedModel.save_pretrained`. A model that was loaded with custom code, for example from the Hub, is saved with
        this code, so that model and pipeline can be loaded from the folder alone.
        """
        # transformers copies the files that this file imports, also those imported within functions
        from .live_session import LiveSession
        from .pipeline_amuse import EmotionRecognitionPipeline

        has_code = bool(getattr(self.config, "auto_map", None))
        if has_code:
            self.config.name_code_in_this_folder()
            Path(save_directory).mkdir(parents=True, exist_ok=True)
            # before the weights, as saving these may also upload the folder
            for part in (self, self.config, EmotionRecognitionPipeline, LiveSession):
                custom_object_save(part, save_directory)
        super().save_pretrained(save_directory, *args, **kwargs)

    def _get_files_timestamps(self, working_dir):
        # transformers uploads files that are newer than these: the code, which was copied before them, too
        return {
            name: time for name, time in super()._get_files_timestamps(working_dir).items() if not name.endswith(".py")
        }

    @staticmethod
    def check_keywords(given: Iterable[str]):
        """
        Args:
            given: the names of keyword arguments that no parameter of the model takes.

        Raises:
            TypeError: for those that transformers does not know either.
        """
        foreign = [name for name in given if name not in TransformersKwargs.__annotations__ and name != "return_dict"]
        if foreign:
            masks = " Each stream has its own mask: text_mask, audio_mask, vision_mask, background_mask."
            raise TypeError(
                f"AMuSE does not accept {', '.join(foreign)}: check the spelling, or omit it."
                + (masks if any("mask" in name for name in foreign) else "")
            )

    @classmethod
    def is_custom_code(cls) -> bool:
        """
        Always False: `_init_weights` writes through `transformers.initialization`, which never overwrites loaded weights.
        transformers assumes the opposite of custom code and then skips modules without weights of their own. Some
        encoders initialize their children's weights in such a module, for example Whisper its positions.
        """
        return False

    @torch.no_grad()
    def _init_weights(self, module: nn.Module):
        super()._init_weights(module)
        if hasattr(module, "init_own_weights"):  # parameters outside linear layers
            module.init_own_weights(self.config.initializer_range)
