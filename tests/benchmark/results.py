"""Made-up samples for tests of what comes after measuring."""

from albert_lsh_tf.benchmark.points import Point
from albert_lsh_tf.benchmark.samples import Sample

MACHINE = {
    "cpu": "Some CPU",
    "cores": 3,
    "memory_gib": 7.0,
    "gpu": None,
    "system": "Linux",
    "python": "3.11.1",
    "tensorflow": "2.20.0",
}


def sample(
    kind="dense", mode="forward", length=512, number=0, seconds=(2.0,), peak=8.0, **more
):
    """A sample that is fine, unless `more` says otherwise."""
    point = Point(kind, mode, length, more.pop("budget", None))
    fields = {"status": "ok", "machine": MACHINE, "seconds": seconds, "peak_mib": peak}
    return Sample(point=point, round=number, **{**fields, **more})


def failed(kind="dense", status="out of memory", message="no more", **more):
    """A sample without numbers."""
    return sample(
        kind,
        seconds=(),
        peak=None,
        status=status,
        message=message,
        machine=None,
        **more,
    )
