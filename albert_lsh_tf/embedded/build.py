"""Makes the embedded model: vocabulary, config and random start weights.

    python -m albert_lsh_tf.embedded.build --corpus train-*.txt.gz

The vocabulary that is shipped was trained on 250,000 lines drawn from English Wikipedia
(CC BY-SA) and Project Gutenberg (public domain) text. It holds word pieces and their
scores only; no text is included. The weights are random and depend on the seed alone,
so they can be made again without any text (leave out --corpus).
"""

import argparse
import gzip
import io
import os
import pathlib
import random
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import sentencepiece

from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.data.tokenization import CLS, MASK, SEP, preprocess_text
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.errors import InputError

CONFIG = AlbertConfig(
    vocab_size=5000,
    embedding_size=64,
    hidden_size=128,
    num_hidden_layers=4,
    num_attention_heads=4,
    intermediate_size=512,
)


def read_corpus(paths: Iterable[str | pathlib.Path]) -> Iterator[str]:
    """The lines of plain or gzipped text files, prepared as for the tokenizer."""
    for path in paths:
        open_file = gzip.open if str(path).endswith(".gz") else open
        with open_file(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                if text := preprocess_text(line):
                    yield text


def train_vocabulary(
    lines: Iterable[str], vocab_size: int, num_lines: int = 250_000, seed: int = 0
) -> bytes:
    """Trains a SentencePiece vocabulary with ALBERT's settings.

    Args:
      lines: sentences, as `read_corpus` gives them.
      vocab_size: pieces, special ones included.
      num_lines: how many of the lines to train on, drawn at random.
      seed: seed of that draw; the same seed and lines give the same bytes.

    Returns:
      The SentencePiece model, serialised.

    Source: google-research/albert, README, "SentencePiece".
    """
    lines = list(lines)
    sample = random.Random(seed).sample(lines, min(num_lines, len(lines)))
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(sample),
        model_writer=model,
        vocab_size=vocab_size,
        model_type="unigram",
        character_coverage=0.99995,
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        control_symbols=[CLS, SEP, MASK],
        user_defined_symbols=["(", ")", '"', "-", ".", "\u2013", "\u00a3", "\u20ac"],
        # More threads add up their counts in no fixed order.
        num_threads=1,
        minloglevel=1,
    )
    return model.getvalue()


def variable_shapes(config: AlbertConfig) -> dict[str, tuple[int, ...]]:
    """Name to shape of the encoder's variables, as Google's checkpoints name them."""
    embedding, hidden = config.embedding_size, config.hidden_size
    inner = config.intermediate_size
    layer = "bert/encoder/transformer/group_0/inner_group_0"
    kernels = {
        "bert/encoder/embedding_hidden_mapping_in": (embedding, hidden),
        f"{layer}/attention_1/self/query": (hidden, hidden),
        f"{layer}/attention_1/self/key": (hidden, hidden),
        f"{layer}/attention_1/self/value": (hidden, hidden),
        f"{layer}/attention_1/output/dense": (hidden, hidden),
        f"{layer}/ffn_1/intermediate/dense": (hidden, inner),
        f"{layer}/ffn_1/intermediate/output/dense": (inner, hidden),
        "bert/pooler/dense": (hidden, hidden),
    }
    norms = {
        "bert/embeddings/LayerNorm": embedding,
        f"{layer}/LayerNorm": hidden,
        f"{layer}/LayerNorm_1": hidden,
    }
    tables = {
        "word": config.vocab_size,
        "token_type": config.type_vocab_size,
        "position": config.max_position_embeddings,
    }
    shapes: dict[str, tuple[int, ...]] = {
        f"bert/embeddings/{name}_embeddings": (rows, embedding)
        for name, rows in tables.items()
    }
    for name, shape in kernels.items():
        shapes[f"{name}/kernel"] = shape
        shapes[f"{name}/bias"] = shape[1:]
    for name, width in norms.items():
        shapes[f"{name}/gamma"] = (width,)
        shapes[f"{name}/beta"] = (width,)
    return shapes


def random_weights(config: AlbertConfig, seed: int = 0) -> dict[str, np.ndarray]:
    """Start weights as ALBERT draws them, from NumPy's generator.

    Args:
      config: the encoder's sizes and `initializer_range`.
      seed: the same seed gives the same numbers, whichever TensorFlow is installed.

    Returns:
      Name to float32 array, names sorted.
    """
    generator = np.random.default_rng(seed)
    weights = {}
    for name, shape in sorted(variable_shapes(config).items()):
        if name.endswith("/gamma"):
            weights[name] = np.ones(shape, np.float32)
        elif name.endswith(("/beta", "/bias")):
            weights[name] = np.zeros(shape, np.float32)
        else:
            weights[name] = _truncated_normal(
                generator, shape, config.initializer_range
            )
    return weights


def _truncated_normal(
    generator: np.random.Generator, shape: Sequence[int], deviation: float
) -> np.ndarray:
    values = generator.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = generator.standard_normal(int(outside.sum()))
    values = (deviation * values).astype(np.float32)
    # bfloat16 values: half of each number is zero bits, so the wheel is half the size.
    return (values.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


def write_checkpoint(weights: dict[str, np.ndarray], prefix: pathlib.Path) -> None:
    """Writes plain names as TF1's Saver does; same weights, same bytes."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf  # Here, because --help needs none.

    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(weights),
        shape_and_slices=[""] * len(weights),
        tensors=[tf.constant(value) for value in weights.values()],
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--corpus",
        nargs="+",
        metavar="FILE",
        help="text, one sentence a line, plain or .gz; unset: keep the vocabulary",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the weights")
    parser.add_argument(
        "--output", type=pathlib.Path, default=EMBEDDED_MODEL_DIR, metavar="FOLDER"
    )
    flags = parser.parse_args(arguments)
    flags.output.mkdir(parents=True, exist_ok=True)
    if flags.corpus:
        for path in flags.corpus:
            if not pathlib.Path(path).is_file():
                raise InputError(f"{path}: no such corpus file.")
        vocabulary = train_vocabulary(read_corpus(flags.corpus), CONFIG.vocab_size)
        (flags.output / "spiece.model").write_bytes(vocabulary)
    CONFIG.save(flags.output / "albert_config.json")
    write_checkpoint(
        random_weights(CONFIG, flags.seed), flags.output / "model.ckpt-best"
    )
    for path in sorted(flags.output.iterdir()):
        print(f"{path.stat().st_size:>9,} bytes  {path}")


if __name__ == "__main__":
    main()
