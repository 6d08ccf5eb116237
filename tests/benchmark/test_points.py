"""What a plan measures, in which order, and what it refuses."""

import pytest

from albert_lsh_tf.benchmark.points import Plan, Point, Work
from albert_lsh_tf.errors import InputError

SMALL = Plan(
    lengths=(64, 32), kinds=("dense", "lsh"), modes=("training", "forward"), rounds=2
)


def test_points_go_mode_by_mode_from_short_to_long():
    assert SMALL.points() == [
        Point(kind, mode, length, 0.25 if kind == "lsh" else None)
        for mode in ("training", "forward")
        for length in (32, 64)
        for kind in ("dense", "lsh")
    ]


def test_every_budget_is_a_point_of_the_lsh_encoders_alone():
    plan = Plan(
        lengths=(64,),
        kinds=("dense-recompute", "lsh-recompute", "lsh"),
        modes=("forward",),
        budgets=(0.5, 0.1),
    )
    assert [(point.kind, point.budget) for point in plan.points()] == [
        ("dense-recompute", None),
        ("lsh-recompute", 0.5),
        ("lsh-recompute", 0.1),
        ("lsh", 0.5),
        ("lsh", 0.1),
    ]


def test_interleaved_rounds_alternate_the_encoders_of_a_length():
    schedule = [
        (point.mode, point.length, number, point.kind)
        for number, point in SMALL.schedule()
    ]
    assert schedule[:5] == [
        ("training", 32, 0, "dense"),
        ("training", 32, 0, "lsh"),
        ("training", 32, 1, "dense"),
        ("training", 32, 1, "lsh"),
        ("training", 64, 0, "dense"),
    ]


def test_otherwise_one_encoder_has_all_its_rounds_first():
    schedule = SMALL.replace(interleave=False).schedule()
    assert [(number, point.kind) for number, point in schedule[:3]] == [
        (0, "dense"),
        (1, "dense"),
        (0, "lsh"),
    ]


def test_both_orders_measure_the_same():
    orders = [SMALL.replace(interleave=each).schedule() for each in (True, False)]
    assert len(orders[0]) == len(set(orders[0])) == 16
    assert set(orders[0]) == set(orders[1])


@pytest.mark.parametrize("length, size", [(1, 4096), (512, 8), (3000, 1), (16384, 1)])
def test_a_batch_has_as_many_sequences_as_fit_and_at_least_one(length, size):
    assert Work().batch_size(length) == size


def test_the_default_work_is_albert_base_in_two_layers():
    work = Work()
    assert (work.hidden_size, work.num_heads, work.layers) == (768, 12, 2)
    assert (work.tokens, work.mixed_precision) == (4096, "float32")


@pytest.mark.parametrize(
    "config, settings, message",
    [
        (Plan, {"lengths": ()}, "lengths is empty; name at least one"),
        (Plan, {"lengths": (0,)}, "lengths=0 must be at least 1"),
        (Plan, {"lengths": (7, 7)}, "lengths=7, 7 names something twice"),
        (Plan, {"kinds": ("lhs",)}, "kinds: 'lhs' is unknown; did you mean 'lsh'"),
        (Plan, {"modes": ("xyz",)}, "modes: 'xyz' is unknown; expected forward, tra"),
        (Plan, {"budgets": (0.5, 0.0)}, "must be above 0 and at most 1"),
        (Plan, {"budgets": (1.5,)}, "must be above 0 and at most 1"),
        (Plan, {"rounds": 0}, "rounds=0 must be at least 1"),
        (Plan, {"timeout": 0.0}, "timeout=0.0 must be above 0 seconds"),
        (Work, {"repeats": 0}, "repeats=0 must be at least 1"),
        (Work, {"threads": 0}, "threads=0 must be at least 1"),
        (Work, {"num_heads": 7}, "hidden_size=768 must be a multiple of num_heads=7"),
        (Work, {"mixed_precision": "float8"}, "expected one of float32, float16, bfl"),
    ],
)
def test_what_makes_no_sense_is_refused(config, settings, message):
    with pytest.raises(InputError, match=message):
        config(**settings)
