"""Fine-tunes and evaluates ALBERT with LSH attention on a GLUE task."""

from albert_lsh_tf.cli import classifier

if __name__ == "__main__":
    classifier.main()
