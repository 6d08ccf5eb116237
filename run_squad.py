"""Fine-tunes and evaluates ALBERT with LSH attention on SQuAD 1.1 or 2.0."""

from albert_lsh_tf.cli import squad

if __name__ == "__main__":
    squad.main()
