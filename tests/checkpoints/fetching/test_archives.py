import contextlib
import gzip
import io
import multiprocessing
import os
import pathlib
import tarfile
import zipfile

import pytest

from albert_lsh_tf.checkpoints.fetching import archives
from albert_lsh_tf.checkpoints.fetching.archives import unpack
from albert_lsh_tf.errors import InputError

FILES = {"model/a.txt": b"first", "model/variables/b.txt": b"second" * 1000}


def add(archive, name, content=b"", **settings):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in settings.items():
        setattr(info, key, value)
    archive.addfile(info, io.BytesIO(content))


def write_tar(path, files=FILES, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            add(archive, name, content)
    return path


def write_zip(path, files=FILES):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def contents(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def assert_nothing_is_left(cache):
    assert not cache.exists() or not list(cache.iterdir())


@pytest.mark.parametrize(
    "mode, name",
    [("w:gz", "m.tar.gz"), ("w:gz", "m.TGZ"), ("w", "m.tar"), ("w:xz", "m.tar.xz")],
)
def test_a_tar_of_one_folder(tmp_path, mode, name):
    archive = write_tar(tmp_path / name, mode=mode)
    assert archives.is_archive(archive)
    folder = unpack(archive, tmp_path / "cache")
    assert folder.name == "model"
    assert contents(folder) == {"a.txt": b"first", "variables/b.txt": b"second" * 1000}


def test_a_zip_without_a_folder(tmp_path):
    archive = write_zip(tmp_path / "m.zip", {"./a.txt": b"1", "variables/b.txt": b"2"})
    folder = unpack(archive, tmp_path / "cache")
    assert contents(folder) == {"a.txt": b"1", "variables/b.txt": b"2"}


def test_what_macos_adds_hides_no_folder(tmp_path):
    files = {**FILES, "__MACOSX/model/._a.txt": b"", ".DS_Store": b""}
    folder = unpack(write_tar(tmp_path / "m.tgz", files), tmp_path / "cache")
    assert folder.name == "model"


def test_the_cache_is_in_the_users_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    folder = unpack(write_tar(tmp_path / "m.tgz"))
    assert folder.is_relative_to(tmp_path / "xdg" / "albert_lsh_tf" / "archives")


def test_the_same_content_is_unpacked_once(tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    first = unpack(write_tar(tmp_path / "one.tgz"), cache)
    (tmp_path / "one.tgz").rename(tmp_path / "moved.tgz")
    monkeypatch.setattr(archives, "_unpack_into", None)
    assert unpack(tmp_path / "moved.tgz", cache) == first


def test_other_content_is_unpacked_anew(tmp_path):
    archive = tmp_path / "m.tgz"
    one = unpack(write_tar(archive), tmp_path / "cache")
    two = unpack(write_tar(archive, {"model/a.txt": b"new"}), tmp_path / "cache")
    assert (contents(one)["a.txt"], contents(two)) == (b"first", {"a.txt": b"new"})


@pytest.mark.parametrize("name", ["../evil", "model/../../evil", "/tmp/evil", "a\\b"])
@pytest.mark.parametrize("write", [write_tar, write_zip])
def test_paths_that_leave_the_archive(tmp_path, write, name):
    archive = write(tmp_path / "evil.zip", {"model/a.txt": b"", name: b"owned"})
    with pytest.raises(InputError, match=r"not unpacked.* leads out of the folder"):
        unpack(archive, tmp_path / "cache")
    assert_nothing_is_left(tmp_path / "cache")
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    "settings",
    [
        dict(type=tarfile.SYMTYPE, linkname="/etc"),
        dict(type=tarfile.SYMTYPE, linkname="a.txt"),
        dict(type=tarfile.LNKTYPE, linkname="../../outside"),
        dict(type=tarfile.CHRTYPE, devmajor=1, devminor=3),
        dict(type=tarfile.BLKTYPE),
        dict(type=tarfile.FIFOTYPE),
    ],
)
def test_links_and_devices(tmp_path, settings):
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as archive:
        add(archive, "model/a.txt", b"1")
        add(archive, "model/odd", **settings)
        add(archive, "model/odd/passwd", b"owned")
    with pytest.raises(InputError, match="'model/odd' in it is a link or a device"):
        unpack(path, tmp_path / "cache")
    assert_nothing_is_left(tmp_path / "cache")


def test_a_link_in_a_zip(tmp_path):
    path = tmp_path / "evil.zip"
    link = zipfile.ZipInfo("model/odd")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc")
    with pytest.raises(InputError, match="is a link or a device"):
        unpack(path, tmp_path / "cache")


def test_a_file_that_is_there_twice(tmp_path):
    path = tmp_path / "m.tar"
    with tarfile.open(path, "w") as archive:
        add(archive, "model/a.txt", b"shown")
        add(archive, "model/a.txt", b"used")
    with pytest.raises(InputError, match="not unpacked, because 'model/a.txt' is in"):
        unpack(path, tmp_path / "cache")


@pytest.mark.parametrize("write", [write_tar, write_zip])
def test_a_bomb(tmp_path, write):
    archive = write(tmp_path / "bomb", {"model/zeros": bytes(65 * 2**20)})
    assert archive.stat().st_size < 2**19
    with pytest.raises(InputError, match="holds more than 64 MiB, which is too much"):
        unpack(archive, tmp_path / "cache")
    assert_nothing_is_left(tmp_path / "cache")


def test_a_bomb_in_a_header(tmp_path):
    # The standard library reads such a header into memory, whole.
    info = tarfile.TarInfo("long")
    info.type = tarfile.XHDTYPE
    info.size = 2**32
    archive = tmp_path / "bomb.tgz"
    archive.write_bytes(gzip.compress(info.tobuf(tarfile.USTAR_FORMAT)))
    with pytest.raises(InputError, match="which is too much for weights"):
        unpack(archive, tmp_path / "cache")


def test_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_MAX_MEMBERS", 1)
    with pytest.raises(InputError, match="holds more than 1 files"):
        unpack(write_tar(tmp_path / "m.tgz"), tmp_path / "cache")


@pytest.mark.parametrize("name", ["m.tar.gz", "m.tar", "m.tar.xz", "m.zip"])
def test_a_truncated_archive_is_never_unpacked(tmp_path, name):
    files = {name: bytes([number]) * 700 for number, name in enumerate("abcdef")}
    archive = tmp_path / name
    if name == "m.zip":
        write_zip(archive, files)
    else:
        write_tar(archive, files, "w" if name == "m.tar" else f"w:{name[-2:]}")
    whole = archive.read_bytes()
    # A plain tar is padded with blocks of zeros after the two that end it.
    end = 6 * (512 + 1024) if name == "m.tar" else len(whole) - 1
    for length in {*range(0, end, max(end // 40, 1)), end}:
        archive.write_bytes(whole[:length])
        with pytest.raises(InputError, match="the archive is damaged") as caught:
            unpack(archive, tmp_path / "cache")
        assert "\n" not in str(caught.value)
        assert_nothing_is_left(tmp_path / "cache")


def test_a_flipped_bit_is_found_by_the_check_sum(tmp_path):
    files = {name: os.urandom(700) for name in "abc"}
    for archive in (
        write_tar(tmp_path / "m.tgz", files),
        write_zip(tmp_path / "m.zip", files),
    ):
        content = bytearray(archive.read_bytes())
        content[len(content) // 2] ^= 1
        archive.write_bytes(content)
        with pytest.raises(InputError, match="the archive is damaged"):
            unpack(archive, tmp_path / "cache")


def test_a_broken_header_does_not_end_a_tar(tmp_path):
    archive = write_tar(tmp_path / "m.tar", {"a": b"1", "b": b"2"}, "w")
    content = bytearray(archive.read_bytes())
    content[1024] ^= 1  # The second header.
    archive.write_bytes(content)
    with pytest.raises(InputError, match=r"damaged or incomplete \(it ends in the mid"):
        unpack(archive, tmp_path / "cache")


def test_a_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "cache").touch()
    with pytest.raises(
        InputError,
        match=r"unpacked into .*\(Not a directory\)\. Set XDG_CACHE_HOME",
    ):
        unpack(write_tar(tmp_path / "m.tgz"), tmp_path / "cache" / "below")


def _unpack_together(archive, cache, barrier, queue):
    barrier.wait()
    queue.put(contents(unpack(pathlib.Path(archive), pathlib.Path(cache))))


def test_two_processes_at_once(tmp_path):
    archive = write_tar(
        tmp_path / "m.tgz", {f"model/{number}": b"x" * 5000 for number in range(50)}
    )
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(2), context.Queue()
    processes = [
        context.Process(
            target=_unpack_together,
            args=(str(archive), str(tmp_path / "cache"), barrier, queue),
        )
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    one, two = queue.get(timeout=60), queue.get(timeout=60)
    for process in processes:
        process.join()
    assert one == two and len(one) == 50
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_the_slower_of_two_uses_what_the_faster_made(tmp_path, monkeypatch):
    archive, cache = write_tar(tmp_path / "m.tgz"), tmp_path / "cache"
    alone = archives._unpack_into

    def overtaken(*args):
        alone(*args)
        with contextlib.suppress(InputError):
            monkeypatch.setattr(archives, "_unpack_into", alone)
            unpack(archive, cache)

    monkeypatch.setattr(archives, "_unpack_into", overtaken)
    assert contents(unpack(archive, cache))["a.txt"] == b"first"
    assert len(list(cache.iterdir())) == 1
