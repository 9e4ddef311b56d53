"""The parts of transformers' test classes that do not apply to AMuSE, with reasons."""

import pytest

REFUSED = "it loads a folder without any weights, which AMuSE refuses"

NOT_APPLICABLE = {
    "AmuseModelTest": {"test_model_weights_reload_no_missing_tied_weights": REFUSED},
    "AmuseFeatureModelTest": {
        "test_model_weights_reload_no_missing_tied_weights": REFUSED,
        "test_get_text_features_output_0": "the shape is looked up in input_ids and text_config: there is no text encoder",
        "test_get_text_features_output_2": "the shape is looked up in input_ids and text_config: there is no text encoder",
        "test_model_get_set_embeddings": "embeddings of words: there is no text encoder",
    },
}
"""Tests that are expected to fail. They run, and a test that passes is reported."""

SWITCHES = {
    "AmuseModelTest": {
        "skip_test_audio_features_output_shape": (
            True,
            "looked up in input_features or input_values; ours is audio_values",
        ),
    },
    "AmuseFeatureModelTest": {
        "skip_test_audio_features_output_shape": (
            True,
            "looked up in input_features or input_values: there is no encoder",
        ),
        "test_resize_embeddings": (False, "embeddings of words: there is no text encoder"),
    },
}
"""Switches of the mixins for parts that do not apply. tests/modeling/test_modality_features.py checks the shapes."""

ACCEPTED_SKIPS = [
    # hardware, and options of transformers' test runs
    r"test requires (accelerator|multiple accelerators|MPS|Flash Attention|the kernels library|deepspeed|Torchcodec)",
    r"test is slow",
    # language models
    r"No (decoder-only|sequence-to-sequence) language modeling head",
    r"doesn't use `inputs_embeds`",
    r"no `base_model_class` defined|RoPE|partial rope",
    r"does not support sliding window mask",
    r"does not have position embeddings",
    r"resize_(embeddings|token_embeddings)|resizing embeddings",
    # mixtures of experts, tensor parallelism, renamed weights, weights kept in float32
    r"grouped_mm|sparse experts|output_router_logits",
    r"does not have a TP plan",
    r"No conversion found",
    r"no _keep_in_fp32_modules|has no _keep_in_fp32_modules",
    # tests for composite models only, or for other models only
    r"not composite|not a composite model|AmuseModel does not support SDPA|No subconfigs",
    r"No model with a differentiable loss was available to verify enable_input_require_grads",  # AmuseFeatureModelTest
    # processors of chats and videos
    r"no chat template|doesn't accept chat templates|_get_num_multimodal_tokens|video_processor attribute not present",
]
"""Reasons for which the mixins themselves may skip a test. A skip for another reason is a failure."""


def skip_not_applicable(test_class: type) -> type:
    """Apply the lists above to a test class. A name that is not in its mixin is an error."""
    for name, reason in NOT_APPLICABLE.get(test_class.__name__, {}).items():
        setattr(test_class, name, pytest.mark.xfail(reason=reason, strict=True)(getattr(test_class, name)))
    for name, (value, _) in SWITCHES.get(test_class.__name__, {}).items():
        setattr(test_class, name, value)
    return test_class
