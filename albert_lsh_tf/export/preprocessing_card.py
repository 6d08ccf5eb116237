"""What the model card of a preprocessing SavedModel says."""

import pathlib

from albert_lsh_tf.export.model_card import Call, ModelCard

_OUTPUTS = {
    "input_word_ids": "pieces of the vocabulary, with [CLS] and [SEP]",
    "input_mask": "1 at tokens, 0 at padding",
    "input_type_ids": "0 in the first text, 1 in the second",
}


def preprocessing_card(
    name: str,
    vocabulary_file: str | pathlib.Path,
    do_lower_case: bool,
    default_seq_length: int,
) -> ModelCard:
    """The card of an export.

    Args:
      name: of its folder.
      vocabulary_file: what it tokenizes with; inside the graph, not a file beside it.
      do_lower_case: whether text is lower-cased.
      default_seq_length: tokens of a row unless a call says so.
    """
    texts = {"inputs": "string [B], UTF-8"}
    return ModelCard(
        title=name,
        summary=(
            "Makes the inputs of an ALBERT encoder of text. It takes the place of "
            "TF-Hub's `tensorflow/albert_en_preprocess/3`, and gives the tokens that "
            "the encoder was trained with."
        ),
        calls=[
            _call(
                "One text a row",
                f"""\
preprocess = tf.saved_model.load("{name}")
print(preprocess(tf.constant(["A sentence.", "Another one."])))
""",
                texts,
                default_seq_length,
            ),
            _call(
                "Two texts a row, at another length",
                f"""\
preprocess = tf.saved_model.load("{name}")
first = preprocess.tokenize(tf.constant(["Who hashes?"]))
second = preprocess.tokenize(tf.constant(["The layer does."]))
print(preprocess.bert_pack_inputs([first, second], seq_length=32))
""",
                {
                    "inputs": "a list of one or two results of `tokenize`, ragged "
                    "int32 [B, (T)]",
                    "seq_length": "tokens of a row; longer texts are cut",
                },
                "seq_length",
            ),
        ],
        do_lower_case=do_lower_case,
        notes=[
            "`tensorflow_text` has to be imported before it is loaded.",
            f"The vocabulary, `{pathlib.Path(vocabulary_file).name}`, is inside the "
            "graph.",
            f"A row has {default_seq_length} tokens unless `seq_length` says so.",
        ],
    )


def _call(title: str, code: str, inputs: dict[str, str], length: int | str) -> Call:
    return Call(
        title=title,
        code=f"import tensorflow as tf\nimport tensorflow_text  # Its ops.\n\n{code}",
        inputs=inputs,
        outputs={
            output: f"int32 [B, {length}]: {text}" for output, text in _OUTPUTS.items()
        },
    )
