import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_lsh_tf.data import json_stream
from albert_lsh_tf.data.json_stream import JsonStream
from albert_lsh_tf.errors import InputError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("json")


def saved(folder, text, name="file.json"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def walked(stream):
    """Everything, taken by the smallest steps there are."""
    character = stream._next_character()
    if character == "{":
        return {key: walked(stream) for key in stream.keys()}
    if character == "[":
        return [walked(stream) for _ in stream.elements()]
    return stream.value()


@pytest.mark.parametrize("chunk", [1, 3, 1 << 16])
@given(value=VALUES, indent=st.sampled_from([None, 1]), ascii=st.booleans())
@settings(max_examples=40, deadline=None)
def test_gives_what_json_gives(folder, chunk, value, indent, ascii):
    path = saved(folder, json.dumps(value, indent=indent, ensure_ascii=ascii))
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(json_stream, "_CHUNK", chunk)
        with JsonStream(path) as stream:
            assert stream.value() == value
            stream.end()
        with JsonStream(path) as stream:
            assert walked(stream) == value
            stream.end()


def test_a_fraction_may_have_many_digits(folder, monkeypatch):
    monkeypatch.setattr(json_stream, "_CHUNK", 5_000)
    text = f"[1{'0' * 6_000}e-6000]"
    with JsonStream(saved(folder, text)) as stream:
        assert stream.value() == [1.0]


def test_holds_no_more_than_one_value(folder):
    path = saved(folder, json.dumps({"data": [["x" * 1000] * 100] * 200}))
    longest = 0
    with JsonStream(path) as stream:
        for _ in stream.keys():
            for _ in stream.elements():
                stream.value()
                longest = max(longest, len(stream._text))
    assert path.stat().st_size > 20_000_000
    assert longest < 500_000


@pytest.mark.parametrize("name", ["marked.json", "packed.json.gz"])
def test_reads_marked_and_packed_files(folder, name):
    text = '{"a": "é"}'.encode("utf-8-sig")
    path = saved(folder, gzip.compress(text) if name.endswith("gz") else text, name)
    with JsonStream(path) as stream:
        assert stream.value() == {"a": "é"}


def test_tells_where_it_is(folder):
    with JsonStream(saved(folder, '[\n1,\n\n"b"]')) as stream:
        lines = []
        for _ in stream.elements():
            lines.append(stream.where)
            stream.value()
    assert lines == [f"{stream.path}, line 2", f"{stream.path}, line 4"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[1,\n{"a" 2}]', "line 2: .*Expecting ':' delimiter.*; mend the file"),
        ('[1,\n"a', "line 2: .*Unterminated string.*cut off"),
        ("[1,\n2", "line 2: .*no ','.*; the file is cut off"),
        ("[1] 2", "line 1: .*more text"),
        ("{1: 2}", "line 1: .*a key that is no string"),
        ('{"a" 2}', "line 1: .*no ':'"),
        ("", "line 1: .*Expecting value.*; the file is cut off"),
        ("[" * 100_000, "brackets"),
        ("[1,\n" + "2" * 5_000 + "]", "line 2: .*thousands of digits"),
        ('{"a":\n[[' + "2" * 100_000 + "]]}", "line 2: .*thousands of digits"),
        (b'["a",\n"\xff"]', "line 2: not UTF-8 .byte 0xff"),
        (b'["a",\n"\xc3', "line 2: not UTF-8"),
    ],
)
def test_says_what_is_wrong_and_where(folder, text, reason):
    with pytest.raises(InputError, match=reason):
        with JsonStream(saved(folder, text)) as stream:
            if stream._next_character() == "{":
                for _ in stream.keys():
                    stream.value()
            elif text[:2] != "[[" and stream._next_character() == "[":
                for _ in stream.elements():
                    stream.value()
            else:
                stream.value()
            stream.end()


def test_says_what_else_is_there(folder):
    with JsonStream(saved(folder, "\n[1]")) as stream:
        with pytest.raises(InputError, match="line 2: .* instead of an object"):
            list(stream.keys())
    with JsonStream(saved(folder, '{"a": 1}')) as stream:
        with pytest.raises(InputError, match="instead of an array"):
            list(stream.elements())


def test_files_that_cannot_be_read(folder):
    with pytest.raises(InputError, match="none.json: cannot be read"):
        JsonStream(folder / "none.json")
    with pytest.raises(InputError, match="damaged, or not packed"):
        JsonStream(saved(folder, "[1]", "plain.json.gz")).value()
