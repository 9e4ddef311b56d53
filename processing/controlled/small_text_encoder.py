# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""A small text encoder and its tokenizer, learned from a corpus, for use without a pretrained encoder."""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, PreTrainedTokenizerFast

SPECIAL_TOKENS = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}


def small_text_encoder(
    texts: Iterable[str], vocabulary_size: int = 2000, dropout: float = 0.1
) -> tuple[BertConfig, PreTrainedTokenizerFast]:
    """
    The configuration of a two-layer encoder, and a byte-level BPE tokenizer learned from `texts`.

    Args:
        texts: the texts that the tokenizer is learned from, which should be training utterances only.
        vocabulary_size: the largest number of tokens, of which 260 are bytes and special tokens.
        dropout: the dropout probability of the encoder.
    """
    # byte-level BPE has no unknown characters, and its trainer, unlike WordPiece's, is deterministic
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=list(SPECIAL_TOKENS.values()),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    separators = [(token, tokenizer.token_to_id(token)) for token in ("[SEP]", "[CLS]")]
    tokenizer.post_processor = processors.BertProcessing(*separators)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=256,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        pad_token_id=tokenizer.token_to_id("[PAD]"),
    )
    return config, PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL_TOKENS)
