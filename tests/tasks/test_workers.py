"""Workers that make no cluster are named; those that make one are waited for."""

import json
import signal
import socket
import subprocess
import sys
import threading

import pytest

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import workers


def free_hosts(number):
    sockets = [socket.create_server(("localhost", 0)) for _ in range(number)]
    hosts = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return hosts


def cluster(hosts, index=0):
    task = {"type": "worker", "index": index}
    return json.dumps({"cluster": {"worker": hosts}, "task": task})


@pytest.mark.parametrize("tf_config", [None, "", "{}"])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "give worker_hosts=host1:port,host2:port and task_index, or set TF_C"),
        ({"worker_hosts": "localhost,a:2"}, "names 'localhost'; write every worker as"),
        ({"worker_hosts": "a:1,b:x"}, "names 'b:x'; write every worker as host:port"),
        ({"worker_hosts": "a:1,b:2"}, "not which of them this is: give task_index, 0"),
        ({"worker_hosts": "a:1,b:2", "task_index": 5}, "beyond the 2 workers"),
    ],
)
def test_hosts_that_make_no_cluster(settings, message, tf_config, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if tf_config is not None:
        monkeypatch.setenv("TF_CONFIG", tf_config)
    config = ClassifierConfig(distribution_strategy="multi_worker_mirrored", **settings)
    with pytest.raises(InputError, match=message):
        workers.configure_workers(config)


@pytest.mark.parametrize(
    "tf_config",
    [
        "[",
        "{}",
        '{"cluster": {"worker": ["a:1"]}}',
        cluster(["a:1", "b:2"], index=2),
        cluster(["a:1", "b"]),
        cluster(["a:1"]).replace("index", "indx"),
    ],
)
def test_settings_of_the_environment_that_make_no_cluster(tf_config, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config)
    with pytest.raises(InputError, match="TF_CONFIG|needs the workers"):
        workers.configure_workers(ClassifierConfig())
        workers.wait_for_workers(print)


def test_the_index_may_come_from_the_environment(monkeypatch):
    tf_config = cluster(["a:1", "b:2"], index=1)
    monkeypatch.setenv("TF_CONFIG", tf_config)
    workers.configure_workers(ClassifierConfig(worker_hosts="a:1,b:2"))


def test_missing_workers_are_named_once_and_waited_for(monkeypatch):
    own, here, late, later = free_hosts(4)
    monkeypatch.setenv("TF_CONFIG", cluster([own, here, late, later]))
    monkeypatch.setattr(workers, "_SECONDS_BETWEEN_TRIES", 0.01)
    said, start = [], threading.Event()

    def say(line):
        said.append(line)
        start.set()

    waiting = threading.Thread(target=workers.wait_for_workers, args=[say])
    with socket.create_server(("localhost", int(here.rpartition(":")[2]))):
        waiting.start()
        assert start.wait(30)
        # One after the other, and never all at the same time.
        for host in (late, later):
            with socket.create_server(
                ("localhost", int(host.rpartition(":")[2]))
            ) as it:
                it.settimeout(30)
                assert waiting.is_alive()
                it.accept()[0].close()
        waiting.join(30)
    assert not waiting.is_alive()
    assert said == [f"waiting for {late}, {later}"]


def test_workers_that_start_together_find_each_other(monkeypatch):
    hosts = free_hosts(3)
    monkeypatch.setattr(workers, "_SECONDS_BETWEEN_TRIES", 0.01)
    own = threading.local()
    monkeypatch.setattr(
        workers, "_cluster", lambda: (own.host, [h for h in hosts if h != own.host])
    )

    def work(host):
        own.host = host
        workers.wait_for_workers(lambda line: None)
        # As TensorFlow's server does, after a pause.
        server = socket.create_server(("localhost", int(host.rpartition(":")[2])))
        servers.append(server)

    servers = []
    threads = [threading.Thread(target=work, args=[host]) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(servers) == 3
    for server in servers:
        server.close()


def test_a_port_that_is_taken_is_named(monkeypatch):
    own, other = free_hosts(2)
    monkeypatch.setenv("TF_CONFIG", cluster([own, other]))
    with socket.create_server(("", int(own.rpartition(":")[2]))):
        with pytest.raises(InputError, match=f"{own}: this worker's port cannot be op"):
            workers.wait_for_workers(print)


def test_a_worker_alone_does_not_wait(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", cluster(["nowhere:1"]))
    workers.wait_for_workers(pytest.fail)


def test_handlers_of_signals_come_back():
    """TensorFlow takes SIGTERM while it joins workers."""
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with workers.signals_end_the_process():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    after = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    assert after == before


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_waiting_ends_with_a_signal(tmp_path, number):
    own, other = free_hosts(2)
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from albert_lsh_tf.cli import classifier; classifier.main()"
    )
    command = [sys.executable, "-c", program, f"--output_dir={tmp_path / 'run'}"]
    command += ["--distribution_strategy=multi_worker_mirrored", "--task_index=1"]
    command += [f"--worker_hosts={other},{own}"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            for line in process.stdout:
                if line == f"waiting for {other}\n":
                    break
            else:
                pytest.fail(process.stderr.read())
            process.send_signal(number)
            assert process.wait(20) != 0
            assert process.stderr.read().count("\n") <= 1
        finally:
            process.kill()
    assert not (tmp_path / "run").exists()
