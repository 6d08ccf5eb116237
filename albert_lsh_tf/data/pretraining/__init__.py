"""Text to examples of ALBERT's pre-training: masked words and sentence order.

In the order in which they are used:

    documents    text files to documents of sentences
    vocabulary   what masking must know of a vocabulary
    tokens       documents to token ids on disk, once
    segments     token ids to pairs of segments, in order or swapped
    copying      second segments that repeat a part of the first, if asked for
    masking      which words are masked, and by what
    examples     segments and masks to arrays, and to Google's TFRecords
    create       all of it to files, in parallel; `beam` for more than one machine,
                 with `remote_files`
    online       all of it inside tf.data, with new masks every epoch

Every random number is a function of the seed and of what it is for (`random_numbers`):
so the number of processes, the size of a batch and the machine change nothing, and
epoch e of `online` has the examples of pass e of `create`.
"""
