"""RACE's files: which are read, in what order, and one line for every fault."""

import pytest

from albert_lsh_tf.data.classification import find_task, known_name, read_examples
from albert_lsh_tf.data.race.questions import RaceExample, fill_in
from albert_lsh_tf.data.task import has_split
from albert_lsh_tf.errors import InputError
from tests.data.race.articles import line, write
from tests.shared_data import shared_data


def read(folder, name="RACE", split="dev"):
    return read_examples(find_task(name), folder, split)


def ids(folder, name="RACE", split="dev"):
    return [example.guid for example in read(folder, name, split)]


def refused(folder, name="RACE-high", split="dev"):
    """The error message, without the folder."""
    with pytest.raises(InputError) as caught:
        read(folder, name, split)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{folder}/", "")


def test_a_question_with_all_that_is_known_of_it(tmp_path):
    write(tmp_path, "test/middle/5.txt", line(id="middle5.txt"))
    [example] = read(tmp_path, "race-middle", "test")
    ends = ("five", "six", "ten", "two")
    assert example == RaceExample(
        guid="middle5.txt-0",
        text_a="Tom is six. He has a cat.",
        text_b=None,
        label=1,
        options=tuple(f"How old is Tom? {end}" for end in ends),
        level="middle",
    )


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who is it?", "Who is it? a cat"),
        ("It is _ .", "It is a cat ."),
        ("_", "a cat"),
        ("Is _ a _?", "Is a cat a a cat?"),
        ("It is __.", "It is a cata cat."),
        ("", " a cat"),
    ],
)
def test_an_option_stands_in_the_blanks_or_behind_the_question(question, expected):
    assert fill_in(question, "a cat") == expected


def test_files_come_by_level_and_number(tmp_path):
    for number in (100, 9, 10):
        for level in ("high", "middle"):
            name = f"{level}{number}.txt"
            write(tmp_path, f"dev/{level}/{number}.txt", line(id=name))
    middle = [f"middle{number}.txt-0" for number in (9, 10, 100)]
    high = [f"high{number}.txt-0" for number in (9, 10, 100)]
    assert ids(tmp_path) == middle + high
    assert ids(tmp_path, "RACE-middle") == middle
    assert ids(tmp_path, "RACE-high") == high
    levels = [example.level for example in read(tmp_path)]
    assert levels == ["middle"] * 3 + ["high"] * 3


def test_questions_and_lines_keep_their_order(tmp_path):
    several = line(
        id="high8.txt",
        questions=["Who?", "What?", "Why?"],
        options=[["a", "b", "c", "d"]] * 3,
        answers=["D", "A", "C"],
    )
    write(tmp_path, "dev/high/1.txt", several, line(), line(id="high2.txt"))
    examples = read(tmp_path, "RACE-high")
    assert [each.guid for each in examples] == [
        *("high8.txt-0", "high8.txt-1", "high8.txt-2"),
        *("high7.txt-0", "high2.txt-0"),
    ]
    assert [each.label for each in examples] == [3, 0, 2, 1, 1]
    assert examples[2].options == ("Why? a", "Why? b", "Why? c", "Why? d")


def test_the_joined_file_is_read_alone(tmp_path):
    write(tmp_path, "train/high/1.txt", line(id="high1.txt"))
    write(tmp_path, "train/high/all.txt", line(id="high2.txt"), line(id="high1.txt"))
    write(tmp_path, "train/high/2.txt", "not JSON")
    assert ids(tmp_path, "RACE-high", "train") == ["high2.txt-0", "high1.txt-0"]


def test_an_article_without_an_id_is_named_by_its_file(tmp_path):
    nameless = line()
    del nameless["id"]
    write(tmp_path, "dev/high/12.txt", nameless, nameless)
    write(tmp_path, "dev/high/13.txt", nameless)
    write(tmp_path, "dev/middle/12.txt", nameless)
    names = ["high12.txt:1-0", "high12.txt:2-0", "high13.txt:1-0"]
    assert ids(tmp_path) == ["middle12.txt:1-0", *names]


@pytest.mark.parametrize(
    ("places", "told"),
    [
        (
            ["high/7.txt", "high/8.txt"],
            "high/8.txt, line 2: {} RACE/dev/high/7.txt, line 2",
        ),
        (
            ["high/7.txt", "middle/7.txt"],
            "high/7.txt, line 2: {} RACE/dev/middle/7.txt, line 2",
        ),
        (["high/7.txt"], "high/7.txt, line 3: {} RACE/dev/high/7.txt, line 2"),
    ],
)
def test_two_articles_with_one_id_are_refused(tmp_path, places, told):
    write(tmp_path, "dev/middle/1.txt", line(id="middle1.txt"))
    for place in places:
        twice = [line()] * (3 - len(places))
        write(tmp_path, f"dev/{place}", line(id=place), *twice)
    told = told.format("id high7.txt is also that of")
    message = refused(tmp_path, "RACE")
    assert message == f"RACE/dev/{told}; each article of a split needs its own."


def test_what_else_is_in_the_folder_is_left_alone(tmp_path):
    write(tmp_path, "dev/high/1.txt", line())
    write(tmp_path, "dev/high/README.md", "RACE")
    write(tmp_path, "dev/other/1.txt", "RACE")
    assert ids(tmp_path, "RACE-high") == ["high7.txt-0"]


def test_a_byte_order_mark_and_other_line_ends(tmp_path):
    lines = line(article="Was it “it”?\u2028"), line(id="high8.txt")
    write(tmp_path, "dev/high/1.txt", *lines)
    path = tmp_path / "RACE/dev/high/1.txt"
    text = path.read_bytes().replace(b"\n", b"\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text + b"\r\n\r\n")
    first, second = read(tmp_path, "RACE-high")
    assert first.text_a == "Was it “it”?\u2028"
    assert second.text_a == line()["article"]


def test_the_folder_of_race_itself_will_do(tmp_path):
    write(tmp_path, "dev/high/1.txt", line())
    assert ids(tmp_path / "RACE", "RACE-high") == ["high7.txt-0"]
    assert has_split(find_task("RACE"), tmp_path / "RACE", "dev")
    assert not has_split(find_task("RACE"), tmp_path, "test")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("{'article': 1}", "not JSON (Expecting property name"),
        ('{"id": "high7.txt"', "not JSON (Expecting ',' delimiter)"),
        ("", "not JSON (Expecting value); expected one object a line"),
        ("[" * 100_000, "not JSON (maximum recursion depth"),
        ('["a"]', "list instead of an object; expected one object a line, with art"),
        ("7", "int instead of an object"),
        ("{}", "no article and no questions and no options and no answers; the fiel"),
        ('{"article": "a", "questions": [], "answers": []}', "no options; the fields"),
        (line(article=None), "article must be a string"),
        (line(id=None), "id null must be a word or a few"),
        (line(id="a\tb"), 'id "a\\tb" must be a word or a few'),
        (line(id="\ud800"), 'id "\\ud800" must be a word or a few'),
        (line(questions="Who?"), "questions must be a list"),
        (line(options={"A": "a"}), "options must be a list, as long as questions"),
        (line(answers="B"), "answers must be a list, as long as questions"),
        (line(answers=["B", "C"]), "answers must be a list, as long as questions"),
        (line(options=[]), "options must be a list, as long as questions"),
        (line(questions=["Who?", "What?"]), "options must be a list, as long as qu"),
    ],
)
def test_faults_of_an_article_are_named(tmp_path, fields, message):
    write(tmp_path, "dev/high/6.txt", line(id="high6.txt"))
    write(tmp_path, "dev/high/7.txt", line(), fields, line(id="high8.txt"))
    told = refused(tmp_path)
    assert told.startswith(f"RACE/dev/high/7.txt, line 2: {message}")


@pytest.mark.parametrize(
    ("question", "options", "answer", "message"),
    [
        (7, [*"abcd"], "A", "must be a string"),
        ("Who?", [*"abc"], "A", "needs 4 options, all strings"),
        ("Who?", [*"abcde"], "A", "needs 4 options, all strings"),
        ("Who?", ["a", "b", "c", 4], "A", "needs 4 options, all strings"),
        ("Who?", "abcd", "A", "needs 4 options, all strings"),
        ("Who?", [*"abcd"], "E", "its answer 'E' is none of A, B, C, D"),
        ("Who?", [*"abcd"], "a", "its answer 'a' is none of A, B, C, D"),
        ("Who?", [*"abcd"], None, "its answer None is none of A, B, C, D"),
        ("Who?", [*"abcd"], ["A"], "its answer ['A'] is none of A, B, C, D"),
        ("Who?", [*"abcd"], 0, "its answer 0 is none of A, B, C, D"),
    ],
)
def test_faults_of_a_question_are_named(tmp_path, question, options, answer, message):
    faulty = line(
        questions=["What?", question],
        options=[[*"abcd"], options],
        answers=["C", answer],
    )
    write(tmp_path, "train/high/7.txt", line(id="high6.txt"), faulty)
    told = refused(tmp_path, split="train")
    assert told.startswith(f"RACE/train/high/7.txt, line 2, question 2: {message}")


def test_faults_of_folders_are_named(tmp_path):
    told = refused(tmp_path)
    assert told.startswith("RACE/dev: no such file")
    assert "data_dir must be the folder that holds RACE/." in told
    write(tmp_path, "dev/middle/1.txt", line())
    told = refused(tmp_path)
    assert told.startswith("RACE/dev/high: no .txt files of articles; get RACE again")
    (tmp_path / "RACE/dev/high").mkdir()
    assert refused(tmp_path) == told
    (tmp_path / "RACE/dev/high/1.txt").touch()
    assert refused(tmp_path).startswith("RACE/dev/high/1.txt: the file is empty")
    nothing = line(questions=[], options=[], answers=[])
    write(tmp_path, "dev/high/1.txt", nothing)
    assert refused(tmp_path).startswith("RACE/dev: no article in it has a question")
    (tmp_path / "RACE/dev/high/1.txt").write_bytes(b'{"article": "\xff"}')
    assert refused(tmp_path).startswith("RACE/dev/high/1.txt, line 1: not UTF-8 (byte")


def test_there_are_three_splits():
    with pytest.raises(InputError, match="RACE has no split 'dev_mismatched'; it has"):
        read("nowhere", split="dev_mismatched")


def test_names_are_races_in_any_case():
    for name in ("race", " RACE ", "Race"):
        assert known_name(name) == find_task(name).name == "RACE"
    assert [known_name(name) for name in ("RACE-MIDDLE", "race-high")] == [
        *("RACE-middle", "RACE-high")
    ]
    assert find_task("race", ("A", "B", "C", "D"), True).levels == ("middle", "high")
    with pytest.raises(InputError, match=r"labels=a,b are not those of RACE \(A, B, "):
        find_task("race", ("a", "b"))
    with pytest.raises(InputError, match="text_pairs=False does not fit RACE-high"):
        find_task("race-high", text_pairs=False)


def test_what_the_rest_of_the_run_needs_to_know():
    for name in ("RACE", "RACE-middle", "RACE-high"):
        task = find_task(name)
        assert task.labels == ("A", "B", "C", "D")
        assert task.metrics == ("eval_accuracy",)
        assert task.best_metric == "eval_accuracy"
        assert task.submissions == {"test": f"{name}.tsv"}
        assert (task.evaluation_splits, task.test_splits) == (("dev",), ("test",))


# Articles and questions, as the README beside the data counts them.
REAL = {
    "train": {"middle": (466, 1845), "high": (483, 1610)},
    "dev": {"middle": (368, 1436), "high": (1021, 3451)},
    "test": {"middle": (362, 1436), "high": (1045, 3498)},
}


@pytest.mark.parametrize("split", REAL)
def test_real_articles_have_no_fault(split):
    folder = shared_data("race")
    examples = read(folder, split=split)
    for level, (num_articles, num_questions) in REAL[split].items():
        of_level = [each for each in examples if each.level == level]
        assert len(of_level) == num_questions
        assert len({each.guid.rpartition("-")[0] for each in of_level}) == num_articles
        assert all(each.guid.startswith(level) for each in of_level)
        # Each letter is right about as often.
        for label in range(4):
            share = sum(each.label == label for each in of_level) / num_questions
            assert 0.2 < share < 0.3
    assert len({each.guid for each in examples}) == len(examples)
    part = read(folder, "RACE-high", split)
    assert part == [each for each in examples if each.level == "high"]
