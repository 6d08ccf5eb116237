"""Plans: what runs they are, and what is refused."""

import pytest

from albert_lsh_tf.comparison.plan import read_plan
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.lsh_config import LSHConfig
from albert_lsh_tf.tasks.squad.settings import SquadConfig

PLAN = """
seeds: [3, 5]
settings: {optimizer: lamb, max_seq_length: 64}
tasks:
  MRPC: {learning_rate: 1.0e-4}
  SST-2: {max_seq_length: 128, learning_rate: 2.0e-4}
variants:
  dense: {attention: dense}
  "a quarter, of LSH": {lsh_budget: 0.25, lsh: {dense_below: 0}}
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    return path


def test_every_task_with_every_variant_and_seed(plan):
    comparison = read_plan(plan)
    assert comparison.tasks == ("MRPC", "SST-2")
    assert comparison.variants == ("dense", "a quarter, of LSH")
    assert [str(run.folder) for run in comparison.runs] == [
        f"{task}/{variant}/seed-{seed}"
        for seed in (3, 5)
        for task in ("MRPC", "SST-2")
        for variant in ("dense", "a_quarter_of_LSH")
    ]
    runs = comparison.runs_of("SST-2", "dense")
    assert [run.config.seed for run in runs] == [3, 5]


def test_later_layers_win(plan):
    first, second, third, fourth = (run.config for run in read_plan(plan).runs[:4])
    assert first.task_name == second.task_name == "MRPC"
    assert {run.optimizer for run in (first, second, third, fourth)} == {"lamb"}
    assert (first.max_seq_length, third.max_seq_length) == (64, 128)
    assert (first.learning_rate, third.learning_rate) == (1e-4, 2e-4)
    assert (first.attention, first.lsh) == ("dense", None)
    # The budget of the task's own length, at any length.
    assert second.lsh == LSHConfig.for_length(64, 0.25)
    assert fourth.lsh == LSHConfig.for_length(128, 0.25)


def test_a_part_of_the_plan(plan):
    comparison = read_plan(
        plan, only_tasks=["SST-2"], only_variants=["dense"], seeds=[7, 8, 9]
    )
    assert [str(run.folder) for run in comparison.runs] == [
        f"SST-2/dense/seed-{seed}" for seed in (7, 8, 9)
    ]


def test_each_task_finds_its_folder(plan, tmp_path):
    (tmp_path / "one" / "MRPC").mkdir(parents=True)
    (tmp_path / "two" / "SST-2").mkdir(parents=True)
    folders = [str(tmp_path / "one"), str(tmp_path / "two")]
    runs = read_plan(plan, folders).runs
    assert {(run.task, run.config.data_dir) for run in runs} == {
        ("MRPC", folders[0]),
        ("SST-2", folders[1]),
    }
    with pytest.raises(InputError, match="one: no folder SST-2 in it; name the folder"):
        read_plan(plan, folders[:1])


QUESTIONS = """
settings: {optimizer: lamb}
tasks:
  Wiki: {train_file: [a.json, b.json], predict_file: dev.json, doc_stride: 64}
variants: {dense: {attention: dense}, lsh: {attention: lsh}}
"""


def test_a_task_with_files_of_questions_is_one_of_squads_kind(plan, tmp_path):
    plan.write_text(QUESTIONS)
    for run in read_plan(plan).runs:
        assert isinstance(run.config, SquadConfig)
        assert run.config.train_file == ("a.json", "b.json")
        assert (run.config.optimizer, run.config.doc_stride) == ("lamb", 64)
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    for folder, name in zip([*folders, folders[1]], ("a", "b", "dev"), strict=True):
        (folder / f"{name}.json").write_text("{}")
    run = read_plan(plan, [str(folder) for folder in folders]).runs[0]
    assert run.config.train_file == (
        str(folders[0] / "a.json"),
        str(folders[1] / "b.json"),
    )
    assert run.config.predict_file == str(folders[1] / "dev.json")
    with pytest.raises(InputError, match="one: no file b.json in it; name the folder"):
        read_plan(plan, [str(folders[0])])


def test_parts_of_race_are_in_its_folder(plan, tmp_path):
    plan.write_text("tasks: {race-high: {}}\nvariants: {dense: {}}\n")
    (tmp_path / "RACE").mkdir()
    (run,) = read_plan(plan, [str(tmp_path)]).runs
    assert run.config.data_dir == str(tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("seeds:", "sedes:", "unknown key 'sedes'; did you mean 'seeds'"),
        ("[3, 5]", "[a]", "must be a list of whole numbers"),
        ("  dense: {attention: dense}", "  dense: dense", "variants, dense: expected"),
        ("optimizer", "optimiser", "MRPC, dense: unknown setting 'optimiser'; did you"),
        ("lamb", "sgd", "MRPC, dense: optimizer='sgd' is unknown"),
        ("seeds:", "5:", "unknown key 5; a plan has seeds, settings"),
        ("[3, 5]", "5", "plan.yaml: seeds=5 must be a list of whole numbers, such as"),
        ("[3, 5]", "0", "seeds=0 must be a list"),
        ("[3, 5]", "[true]", r"seeds=\[True\] must be a list of whole numbers"),
        ("[3, 5]", "[3, 5, 3]", r"seeds=\[3, 5, 3\] has 3 twice"),
        ("{optimizer: lamb, max_seq_length: 64}", "5", "settings: expected 'name: v"),
        ("{optimizer: lamb, max_seq_length: 64}", "[a]", "settings: expected 'name"),
        ("optimizer:", "5:", "settings: 5 is not the name of a setting"),
        ("{learning_rate: 1.0e-4}", "5", "tasks, MRPC: expected 'name: value' pairs"),
        ("{learning_rate: 1.0e-4}", "0", "tasks, MRPC: expected 'name: value' pairs"),
        ("{learning_rate: 1.0e-4}", "{task_name: 5}", "MRPC: task_name=5 must be a wo"),
        ("{optimizer", "{seed: 7, optimizer", "settings: seed=7 would not be used; na"),
        (
            "{learning_rate: 1",
            "{seed: 7, learning_rate: 1",
            "tasks, MRPC: seed=7 would",
        ),
        ("{attention", "{seed: 7, attention", "variants, dense: seed=7 would not be"),
    ],
)
def test_mistakes_are_named(plan, before, after, message):
    plan.write_text(PLAN.replace(before, after))
    with pytest.raises(InputError, match=message):
        read_plan(plan)


@pytest.mark.parametrize("value", ["5", "[5]", "{a: b}"])
@pytest.mark.parametrize("name", ["train_file", "predict_file"])
def test_what_is_no_file_is_named(plan, tmp_path, name, value):
    plan.write_text(f"tasks: {{A: {{{name}: {value}}}}}\nvariants: {{dense: }}")
    with pytest.raises(InputError, match=f"tasks, A: {name}=.* must name a file, or"):
        read_plan(plan, [str(tmp_path)])


@pytest.mark.parametrize("key", ["tasks", "variants"])
def test_two_of_one_folder_are_refused(plan, key):
    sections = {"tasks": "{MRPC: }", "variants": "{dense: }"}
    sections[key] = "{lsh 0.25: , lsh_0.25: }"
    plan.write_text("".join(f"{name}: {text}\n" for name, text in sections.items()))
    both = f"{key}, 'lsh 0.25' and 'lsh_0.25' would both have the folder lsh_0.25"
    with pytest.raises(InputError, match=both):
        read_plan(plan)


@pytest.mark.parametrize("name", ["..", ".", "''", "__", "'/..'"])
def test_no_name_leads_out_of_the_folder(plan, name):
    plan.write_text(PLAN.replace("dense:", f"{name}:"))
    with pytest.raises(InputError, match="variants, '.*': no folder can be named so"):
        read_plan(plan)
    plan.write_text(PLAN.replace("MRPC:", f"{name}:"))
    with pytest.raises(InputError, match="tasks, '.*': no folder can be named so"):
        read_plan(plan)


def test_the_callers_seeds_differ_too(plan):
    with pytest.raises(InputError, match=r"^seeds=\[7, 7\] has 7 twice"):
        read_plan(plan, seeds=[7, 7])


def test_numbers_are_names_too(plan):
    plan.write_text("tasks: {MRPC: }\nvariants: {64: , 128: }")
    (run,) = read_plan(plan, only_variants=["64"]).runs
    assert run.variant == "64"
    with pytest.raises(InputError, match="no 'x' among its variants: 64, 128."):
        read_plan(plan, only_variants=["x"])


def test_a_plan_without_tasks_is_none(plan):
    plan.write_text(PLAN.split("tasks:")[0])
    with pytest.raises(InputError, match="tasks must name one or more"):
        read_plan(plan)


def test_what_the_plan_has_not_is_named(plan):
    with pytest.raises(InputError, match="no 'SST2' among its tasks; did you mean 'SS"):
        read_plan(plan, only_tasks=["SST2"])
    with pytest.raises(InputError, match="no 'x' among its variants: dense, a quarter"):
        read_plan(plan, only_variants=["x"])


def test_only_questions_are_answered_without_training(plan):
    plan.write_text(PLAN.replace("{optimizer: lamb,", "{do_train: false,"))
    with pytest.raises(InputError, match="MRPC, dense: do_train: false is for tasks"):
        read_plan(plan)
    questions = {"predict_file": "dev.json", "do_train": False}
    plan.write_text(
        f"tasks: {{A: {questions}, B: {{predict_file: x}}}}\nvariants: {{c: }}"
    )
    assert [run.do_train for run in read_plan(plan).runs] == [False, True]
    plan.write_text(plan.read_text().replace("False", "never"))
    with pytest.raises(InputError, match="A, c: do_train=never must be true or false"):
        read_plan(plan)
