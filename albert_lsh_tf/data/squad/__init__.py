"""Questions about texts, in SQuAD's files, to features and back to answers.

In the order in which they are used:

    questions    a file of SQuAD 1.1 or 2.0 to questions, checked one by one
    scores       predicted answers to the scores of the official evaluations
"""
