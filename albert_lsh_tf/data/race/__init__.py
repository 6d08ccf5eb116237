"""RACE: questions about articles, each with four options to choose from.

questions   the files of RACE to questions, checked one by one
features    questions to token ids, each article once, and rows of them on demand
graph_rows  the same rows inside a TensorFlow graph, for exports
"""
