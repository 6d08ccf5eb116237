"""Attention as pure tensor functions: no variables, no Keras, no global state.

Start with `lsh_attention`; it calls the other modules in the order of the paper.

Names end in the shape of what they hold, one letter an axis:

    B  batch               T  tokens            H  heads
    D  head width          M  model width       E  embedding width
    F  feed-forward width  V  vocabulary        R  hash rounds
    N  buckets             C  chunks            Q  positions in a chunk
    K  positions that a chunk can see

Masks are boolean and `True` means "may attend".
"""
