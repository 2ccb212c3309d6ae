"""Installing packages as an administrator does, from those that the machine was given."""

import hashlib
from pathlib import Path

from harness.machine import do, run

PACKAGES, NEWER = Path("/lab/packages"), Path("/lab/newer")
SOURCES = Path("/lab/sources.list")
VERSION_MORE = "+newer"
PROGRAM = "usr/libexec/portreeved"
PATIENCE = 400  # seconds: the machine may be emulated


def prepare():
    """The packages are the only ones that apt knows of besides those that are installed."""
    SOURCES.write_text(f"deb [trusted=yes] file:{PACKAGES} ./\n")
    get("update")


def get(*words):
    """Runs apt-get, which must succeed."""
    where = (f"Dir::Etc::SourceList={SOURCES}", "Dir::Etc::SourceParts=/dev/null", "Acquire::Languages=none")
    options = [word for option in where for word in ("-o", option)]
    around = ("env", "DEBIAN_FRONTEND=noninteractive")
    result = run(*around, "apt-get", "--assume-yes", *options, *map(str, words), patience=PATIENCE)
    assert result.returncode == 0, f"apt-get {words}: {result.stdout}{result.stderr}"


def field(package, name):
    """A field of a package."""
    return do("dpkg-deb", "--field", str(_file(package)), name)


def _file(package):
    [file] = PACKAGES.glob(f"{package}_*.deb")
    return file


def newer():
    """Makes packages of a higher version, whose broker has another probe; returns their files."""
    return [_newer(package) for package in ("portreeve", "portreeve-gui")]


def _newer(package):
    tree, file = NEWER / package, NEWER / f"{package}.deb"
    NEWER.mkdir(exist_ok=True)
    do("dpkg-deb", "--raw-extract", str(_file(package)), str(tree))
    control, version = tree / "DEBIAN/control", field(package, "Version").strip()
    # The windows depend on the very version.
    control.write_text(control.read_text().replace(version, version + VERSION_MORE))
    if (tree / PROGRAM).exists():
        _change_probe(tree)
    do("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(tree), str(file))
    return file


def _change_probe(tree):
    """Another object to the broker, the same to the kernel: its compiler's name is spelt otherwise."""
    program, sums = tree / PROGRAM, tree / "DEBIAN/md5sums"
    before = program.read_bytes()
    after = before.replace(b"clang version", b"clang Version")
    assert after != before
    program.write_bytes(after)
    was, now = (hashlib.md5(it, usedforsecurity=False).hexdigest() for it in (before, after))
    sums.write_text(sums.read_text().replace(was, now))
