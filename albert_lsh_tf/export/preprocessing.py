"""Text to an encoder's inputs, as a SavedModel with TF-Hub's interface."""

import pathlib

import tensorflow as tf

from albert_lsh_tf.data.graph_packing import InputPacker
from albert_lsh_tf.data.graph_tokenization import GraphTokenizer
from albert_lsh_tf.data.tokenizers import open_tokenizer
from albert_lsh_tf.export.folders import replaced_folder
from albert_lsh_tf.export.model_card import write_model_card
from albert_lsh_tf.export.preprocessing_card import preprocessing_card


class AlbertPreprocessor(tf.Module):
    """Sentences to ids, masks and types, in TensorFlow ops alone.

    The ids are those that this package trains with: `open_tokenizer` and
    `encode_examples` give the same. It can be saved on its own, or as an attribute of
    another `tf.Module`; the vocabulary travels inside the SavedModel.

        preprocess = AlbertPreprocessor("30k-clean.model")
        inputs = preprocess(tf.constant(["A sentence.", "Another one."]))

        first, second = preprocess.tokenize(questions), preprocess.tokenize(answers)
        inputs = preprocess.bert_pack_inputs([first, second], seq_length=512)

    Attributes:
      tokenize: string [B] to int32 [B, (T)], without special ids; it has a
        `get_special_tokens_dict`.
      bert_pack_inputs: a list of one or two such ragged tensors, and `seq_length`, to
        input_word_ids, input_mask and input_type_ids, int32 [B, seq_length].

    Args:
      vocabulary_file: SentencePiece model, such as Google's 30k-clean.model; or, for
        Chinese models, a WordPiece vocab.txt.
      do_lower_case: lower-case the text; as the encoder was trained.
      default_seq_length: tokens a row holds where a call does not say it.

    Raises:
      InputError: no usable vocabulary, or `default_seq_length` is below 3.

    Source: TF-Hub's common API for preprocessing text, and albert_en_preprocess/3,
    which differs in the tokens of some texts (see `GraphAlbert`) and in an empty
    second segment (see `InputPacker`).
    """

    def __init__(
        self,
        vocabulary_file: str | pathlib.Path,
        do_lower_case: bool = True,
        default_seq_length: int = 128,
    ):
        super().__init__(name="albert_preprocessor")
        tokenizer = open_tokenizer(vocabulary_file, do_lower_case)
        self.tokenize = GraphTokenizer(tokenizer)
        self.bert_pack_inputs = InputPacker(tokenizer, default_seq_length)
        self.bert_pack_inputs.trace()

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, "sentences")],
        autograph=False,
    )
    def __call__(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Packs one segment a row: string [B] to three int32 [B, seq_length]."""
        return self.bert_pack_inputs([self.tokenize(inputs)])


def export_preprocessing(
    vocabulary_file: str | pathlib.Path,
    export_dir: str | pathlib.Path,
    do_lower_case: bool = True,
    default_seq_length: int = 128,
) -> None:
    """Writes an `AlbertPreprocessor` with its model card, or replaces one.

    Loading it needs TensorFlow and tensorflow_text, which has to be imported first:

        import tensorflow_text
        preprocess = hub.load(export_dir)
        inputs = preprocess(tf.constant(["A sentence."]))

    In Keras, `hub.KerasLayer(preprocess)` and `hub.KerasLayer(preprocess.tokenize)` are
    layers, and so is `hub.KerasLayer(preprocess.bert_pack_inputs,
    arguments={"seq_length": 512})`. The signature `serving_default` takes `sentences`.

    Args:
      vocabulary_file: see `AlbertPreprocessor`, as the rest.
      export_dir: a folder that is not there, or is empty, or holds a SavedModel.
      do_lower_case: see there.
      default_seq_length: see there.

    Raises:
      InputError: no usable vocabulary, `default_seq_length` is below 3, or `export_dir`
        holds something else or cannot be written.
    """
    with replaced_folder(export_dir) as folder:
        module = AlbertPreprocessor(vocabulary_file, do_lower_case, default_seq_length)
        tf.saved_model.save(
            module, str(folder), signatures={"serving_default": module.__call__}
        )
        name = pathlib.Path(export_dir).resolve().name
        card = preprocessing_card(
            name, vocabulary_file, do_lower_case, default_seq_length
        )
        write_model_card(folder, card)
