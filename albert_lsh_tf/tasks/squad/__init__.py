"""SQuAD 1.1 and 2.0: answers to questions, as parts of a text."""
