"""Questions about texts, in SQuAD's files, to features and back to answers.

In the order in which they are used:

    questions       a file of SQuAD 1.1 or 2.0 to questions, checked one by one
    question_files  the questions of several files, and what is wrong with them
    windows         token ids to windows over long texts, as the network reads them
    featurizing     questions to windows with the places of their answers
    features        all of it to files on disk, for as long as they are right
    span_features   these files to what the network reads
    spans           what the network gives for a window to its best spans
    answers         the spans of all windows to the answers of each question
    scores          answers to the scores of the official evaluations
"""
