"""Sockets of the kernel's own are nobody's call, even where a program's call makes it use them."""

from pathlib import Path

from harness import bus, firewall, nfs
from harness.arrivals import Arrivals
from harness.callers import OTHER_PROGRAM, Caller
from harness.marks import slow

AT_ONCE = 15  # seconds, in an emulated machine; a call is held for 60
# Who may mount: alice, as a program that is set-uid root and mounts for her has her user id.
WITH_MOUNT = ("--inh-caps=+sys_admin", "--ambient-caps=+sys_admin")
ALICE = ("setpriv", "--reuid=alice", "--regid=alice", "--init-groups", *WITH_MOUNT)


def denied(caller):
    """The program is one whose calls are refused, to the server of the share too."""
    result = caller.call("connect", nfs.ADDRESS, port=nfs.PORT)
    assert result.errno == "EPERM", result


def used_by_alice(mounter, target):
    """A share is mounted, and read and written by a program that may reach nobody."""
    target.mkdir(exist_ok=True)
    with Arrivals() as arrivals:
        words = {"source": nfs.SOURCE, "target": str(target), "kind": "nfs4"}
        result = mounter.call("files.mount", **words, options=nfs.OPTIONS)
        assert result.errno is None, result
        assert result.seconds < AT_ONCE, result
        try:
            reader = Caller(program=OTHER_PROGRAM)
            denied(reader)
            arrivals.take()
            result = reader.call("files.use", folder=str(target))
            assert result.errno is None, result
            assert vars(result.value) == {"read": "read"}, result
            assert result.seconds < AT_ONCE, result
            assert (nfs.FOLDER / "written").read_text() == "written"
            asked = [it for it in arrivals.take() if it.port == nfs.PORT and it.payload]
            assert asked, "nothing of it came from the server"
        finally:
            mounter.call("files.unmount", target=str(target))
        assert firewall.pending() == []


def test_nfs_share():
    bus.add_rule(OTHER_PROGRAM, "deny")
    with nfs.share("alice", read="read"):
        used_by_alice(Caller("root", program=OTHER_PROGRAM), Path("/run/lab-share"))


@slow(minutes=3)
def test_nfs_share_that_a_guarded_user_mounts():
    bus.add_rule(OTHER_PROGRAM, "deny")
    with nfs.share("alice", read="read"):
        mounter = Caller("root", program=OTHER_PROGRAM, inside=ALICE)
        denied(mounter)
        used_by_alice(mounter, Path("/run/lab-share"))
