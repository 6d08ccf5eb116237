"""Makes the masked examples that ALBERT is pre-trained on, of plain text."""

from albert_lsh_tf.cli import pretraining_data

if __name__ == "__main__":
    pretraining_data.main()
