"""Writes folders of Hugging Face's with its own library, and what it computes.

    python tests/checkpoints/formats/make_huggingface_goldens.py

needs torch and transformers, which the tests do without. A folder has what
`save_pretrained` writes of a tiny, random `AlbertForPreTraining`, and outputs.npz with
inputs and what the model gave for them.
"""

import pathlib
import shutil

import numpy as np
import torch
import transformers

GOLDENS = pathlib.Path(__file__).resolve().parent / "goldens"
ACTIVATIONS = {"huggingface_tanh": "gelu_new", "huggingface_erf": "gelu"}


def main() -> None:
    for name, activation in ACTIVATIONS.items():
        folder = GOLDENS / name
        shutil.rmtree(folder, ignore_errors=True)
        model = random_model(activation)
        model.save_pretrained(folder)
        np.savez(folder / "outputs.npz", **inputs_and_outputs(model))
        print(f"{name}: transformers {transformers.__version__}")


def random_model(activation: str) -> transformers.AlbertForPreTraining:
    """A model of primes, with values large enough to matter."""
    torch.manual_seed(0)
    config = transformers.AlbertConfig(
        vocab_size=31,
        embedding_size=6,
        hidden_size=20,
        num_hidden_layers=3,
        num_attention_heads=5,
        intermediate_size=28,
        max_position_embeddings=11,
        hidden_act=activation,
        initializer_range=0.3,
    )
    model = transformers.AlbertForPreTraining(config).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith("bias"):
                value.normal_(0, 0.3)
            elif "norm" in name.lower():
                value.normal_(1, 0.3)
    return model


def inputs_and_outputs(model: transformers.AlbertForPreTraining) -> dict:
    random = np.random.default_rng(1)
    inputs = {
        "input_ids": random.integers(0, 31, (2, 11)),
        "attention_mask": np.array([[1] * 11, [1] * 7 + [0] * 4]),
        "token_type_ids": np.array([[0] * 5 + [1] * 6] * 2),
    }
    tensors = {name: torch.tensor(value) for name, value in inputs.items()}
    with torch.no_grad():
        heads = model(**tensors)
        base = model.albert(**tensors)
    return {
        **inputs,
        "sequence_output": base.last_hidden_state.numpy(),
        "pooled_output": base.pooler_output.numpy(),
        "mlm_logits": heads.prediction_logits.numpy(),
        "sop_logits": heads.sop_logits.numpy(),
    }


if __name__ == "__main__":
    main()
