"""A file of four questions about two texts."""

import json

from albert_lsh_tf.data.squad.settings import AnswerSettings

SETTINGS = AnswerSettings(max_seq_length=30, doc_stride=9, max_query_length=7)
CONTEXTS = [
    "Ada Lovelace wrote the first program in 1843, for an engine that was never built. "
    "It computed Bernoulli numbers, and was printed as a note.",
    "The engine was designed by Charles Babbage.",
]


def save(path, faulty=False):
    def asked(number, answer, start):
        answers = [{"text": answer, "answer_start": start}]
        return {"id": f"q{number}", "question": "who or what?", "answers": answers}

    first = [asked(n, w, CONTEXTS[0].index(w)) for n, w in enumerate(["1843", "note"])]
    second = [asked(2, "Charles Babbage", 27), {**asked(3, "", 0), "answers": []}]
    second[1]["is_impossible"] = True
    if faulty:
        second.append(asked(4, "Ada", 5))
    paragraphs = [
        {"context": context, "qas": questions}
        for context, questions in zip(CONTEXTS, [first, second], strict=True)
    ]
    path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    return path
