"""Pre-trains ALBERT with dense or LSH attention on masked words and sentence order."""

from albert_lsh_tf.cli import pretraining

if __name__ == "__main__":
    pretraining.main()
