"""Fine-tunes and evaluates ALBERT with LSH attention on RACE."""

from albert_lsh_tf.cli import race

if __name__ == "__main__":
    race.main()
