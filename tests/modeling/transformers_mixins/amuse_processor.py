"""
transformers' `ProcessorTesterMixin` on AMuSE's processor.

It runs among transformers' own tests in a separate process: see tests/modeling/test_transformers_mixins.py.
"""

import unittest

from transformers import ViTImageProcessor, WhisperFeatureExtractor

from modeling_amuse import AmuseProcessor
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder

from ...test_processing_common import ProcessorTesterMixin
from .not_applicable import skip_not_applicable


@skip_not_applicable
class AmuseProcessorTest(ProcessorTesterMixin, unittest.TestCase):
    processor_class = AmuseProcessor
    audio_input_name = "audio_values"
    audio_unstructured_max_length = 300  # used for both text and sound; Whisper does not accept a sound of 76 samples

    @classmethod
    def _setup_tokenizer(cls):
        return small_text_encoder(["lower newer", "upper older longer string"])[1]

    @classmethod
    def _setup_feature_extractor(cls):
        return WhisperFeatureExtractor(feature_size=8, chunk_length=1)

    @classmethod
    def _setup_image_processor(cls):
        return ViTImageProcessor(size={"height": 16, "width": 16})

    @staticmethod
    def prepare_processor_dict():
        return {
            "emotions": ["neutral", "joy"],
            "feature_statistics": {"audio": {"mean": [0.5], "std": [2.0]}},
            "max_text_tokens": 60,
            "feature_records": {"audio": {"extractor": "prosody"}},
        }
