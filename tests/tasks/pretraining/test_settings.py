"""Settings of pre-training check themselves; a curriculum is cut into stages."""

import dataclasses

import pytest

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.pretraining.settings import PretrainingConfig, Stage

# google-research/albert, run_pretraining.py.
GOOGLES_DEFAULTS = {
    "albert_config_file": None,
    "init_checkpoint": None,
    "max_seq_length": 512,
    "train_batch_size": 4096,
    "eval_batch_size": 64,
    "optimizer": "lamb",
    "learning_rate": 0.00176,
    "poly_power": 1.0,
    "num_train_steps": 125000,
    "num_warmup_steps": 3125,
    "start_warmup_step": 0,
    "save_checkpoints_steps": 5000,
    "keep_checkpoint_max": 5,
    "max_eval_steps": 100,
}


def config(*curriculum, **changes):
    settings = {
        "num_train_steps": 37,
        "num_warmup_steps": 2,
        "max_seq_length": 512,
        "train_batch_size": 64,
        **changes,
    }
    return PretrainingConfig(curriculum=curriculum, **settings)


def test_googles_names_and_defaults_are_known():
    assert GOOGLES_DEFAULTS.items() <= PretrainingConfig().to_dict().items()


def test_every_setting_has_a_help_line():
    for field in dataclasses.fields(PretrainingConfig):
        if field.name != "lsh":
            assert 5 < len(field.metadata["help"]) < 80, field.name


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_files_round_trip(suffix, tmp_path):
    written = config("128:10", "256:5:32", input_file=("a", "b*"))
    written.save(tmp_path / f"config.{suffix}")
    read = PretrainingConfig.from_file(tmp_path / f"config.{suffix}")
    assert read == written
    assert hash(read) == hash(written)


def test_without_a_curriculum_there_is_one_stage():
    assert config().stages() == [Stage(512, 64, 0, 37)]


def test_stages_follow_each_other():
    assert config("128:10", "256:5:32").stages() == [
        Stage(128, 64, 0, 10),
        Stage(256, 32, 10, 15),
        Stage(512, 64, 15, 37),
    ]
    # Zeros in front, and stages that grow shorter, are no mistakes.
    assert config("0640:007:016").stages()[0] == Stage(640, 16, 0, 7)


@pytest.mark.parametrize(
    "step, length",
    [(0, 128), (9, 128), (10, 256), (14, 256), (15, 512), (36, 512), (37, 512)],
)
def test_a_stage_begins_after_the_last_step_of_the_one_before(step, length):
    assert config("128:10", "256:5:32").stage_after(step).max_seq_length == length


def test_a_folder_that_was_trained_for_longer_is_in_the_last_stage():
    assert config("128:10").stage_after(99) == Stage(512, 64, 10, 37)


@pytest.mark.parametrize(
    "step, length", [(1, 128), (10, 128), (11, 256), (15, 256), (16, 512), (99, 512)]
)
def test_weights_are_of_the_stage_that_trained_them(step, length):
    assert config("128:10", "256:5:32").stage_of(step).max_seq_length == length


@pytest.mark.parametrize(
    "curriculum, expected",
    [
        ([], [0]),
        (["128:10", "256:5:32"], [0, 0, 0]),
        # 10 * 64 examples are 20 batches of 32.
        (["512:10", "128:5", "512:5:32"], [0, 0, 20, 13]),
        # 3 * 5 are no whole batches of 4: from the 17th on, and then 4 + 3 of 4.
        (["512:3:5", "512:3:4"], [0, 4, 1]),
    ],
    ids=["one", "other_lengths", "whole_batches", "rest"],
)
def test_stages_of_one_length_share_its_examples(curriculum, expected):
    settings = config(*curriculum)
    found = [settings.batches_before(stage) for stage in settings.stages()]
    assert found == expected


def test_examples_of_a_stage():
    examples = config(
        "128:10",
        max_predictions_per_seq=17,
        masked_lm_prob=0.2,
        ngram=2,
        short_seq_prob=0.3,
        copied_segment_prob=0.4,
        seed=7,
    ).example_config(128)
    assert examples.to_dict() == {
        **type(examples)().to_dict(),
        "max_seq_length": 128,
        "max_predictions_per_seq": 17,
        "masked_lm_prob": 0.2,
        "ngram": 2,
        "short_seq_prob": 0.3,
        "copied_segment_prob": 0.4,
        "random_seed": 7,
    }


def test_masked_tokens_keep_their_share_of_every_length():
    lengths = [128, 256, 512]
    places = [config().example_config(each).num_predictions for each in lengths]
    assert places == [20, 39, 77]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"max_eval_steps": 0}, "max_eval_steps=0 must be at least 1"),
        ({"gradient_accumulation_steps": 0}, "accumulation_steps=0 must be at least 1"),
        ({"num_train_steps": 0}, "num_train_steps=0 must be at least 1"),
        ({"num_warmup_steps": -1}, "num_warmup_steps=-1 must be at least 0"),
        ({"start_warmup_step": -1}, "start_warmup_step=-1 must be at least 0"),
        ({"poly_power": 0.0}, "poly_power=0.0 must be above 0"),
        ({"train_batch_size": 0}, "train_batch_size=0 must be at least 1"),
        ({"optimizer": "sgd"}, "optimizer='sgd' is unknown; expected one of adamw, la"),
        (
            {"num_warmup_steps": 38},
            "num_warmup_steps=38 ends after num_train_steps=37; warm up for about a",
        ),
        (
            {"start_warmup_step": 30, "num_warmup_steps": 8},
            "num_warmup_steps=8 ends after num_train_steps=37",
        ),
        ({"masked_lm_prob": 1.0}, "masked_lm_prob=1.0 must be above 0 and below 1"),
        ({"max_predictions_per_seq": 0}, "max_predictions_per_seq=0 must be at least"),
        ({"ngram": 0}, "ngram=0 must be at least 1"),
        ({"replaced_token_weight": -1.0}, "token_weight=-1.0 must be at least 0"),
        ({"replaced_token_share": 1.0}, "share=1.0 must be above 0 and below 1"),
        ({"short_seq_prob": -0.1}, "short_seq_prob=-0.1 must be at least 0 and below"),
        ({"max_seq_length": 4}, "max_seq_length=4 must be at least 5"),
        ({"input_file": "a,b"}, "input_file='a,b' is of type str; expected a list of"),
    ],
)
def test_what_makes_no_sense_is_refused(changes, message):
    with pytest.raises(InputError, match=message) as caught:
        config(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "curriculum, message",
    [
        *(
            ([text], f"curriculum names '{text}'; write every stage as LENGTH:STEPS or")
            for text in (
                *("128", "128:", ":10", "x:10", "128:0", "128:-1", "128:5:", "0:5"),
                *("128:5:0", "128:5:8:1", "1e2:5", "128: 5", ""),
            )
        ),
        (["128:36", "9"], "curriculum names '9'"),
        (
            ["128:30", "256:7"],
            "curriculum=128:30,256:7 takes 37 steps, which leaves none of "
            "num_train_steps=37 for max_seq_length=512",
        ),
        (["128:38"], "curriculum=128:38 takes 38 steps, which leaves none"),
        (["128:5", "4:5"], "max_seq_length=4 must be at least 5"),
    ],
)
def test_a_curriculum_that_makes_no_sense_is_refused(curriculum, message):
    with pytest.raises(InputError, match=message) as caught:
        config(*curriculum)
    assert "\n" not in str(caught.value)


def test_the_last_stage_may_be_a_single_step():
    assert config("128:36").stages()[-1] == Stage(512, 64, 36, 37)


def test_warm_up_may_take_the_whole_run():
    assert config(start_warmup_step=30, num_warmup_steps=7).num_warmup_steps == 7
