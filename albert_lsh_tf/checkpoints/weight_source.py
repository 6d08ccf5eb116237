"""What a source of weights is once it has been found and opened."""

import dataclasses
import hashlib

from albert_lsh_tf.checkpoints.variables import Variables
from albert_lsh_tf.config import AlbertConfig


@dataclasses.dataclass(frozen=True)
class WeightSource:
    """Weights that were found, with all that is needed to use them.

    Attributes:
      kind: "embedded", "google" (a checkpoint with TF1's names), "hub_module" (TF1),
        "saved_model" (TF2), "object" (a checkpoint of TF2) or "huggingface".
      path: folder or checkpoint prefix, as a local path.
      config: the architecture.
      spm_model_file: the SentencePiece model beside the weights; None where there is
        none, or where several make it unclear which.
      description: what it is, in one line for the user.
      variables: name to array, read when asked for.
      vocab_file: the WordPiece vocabulary beside the weights, as Google's Chinese
        models have; None as for `spm_model_file`.
      do_lower_case: what the source says about its text; None where it says nothing.
    """

    kind: str
    path: str
    config: AlbertConfig
    spm_model_file: str | None
    description: str
    variables: Variables = dataclasses.field(repr=False)
    vocab_file: str | None = None
    do_lower_case: bool | None = None

    def sha256(self) -> str:
        """SHA-256, in hex, of the names and values of the network's variables.

        Tells whether two sources hold the same weights under the same names. Reads all
        of them.
        """
        digest = hashlib.sha256()
        for name in sorted(self.variables.model_names):
            values = self.variables[name]
            digest.update(f"{name} {values.dtype} {values.shape}\n".encode())
            digest.update(values.tobytes())
        return digest.hexdigest()
