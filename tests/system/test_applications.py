"""An application of Flatpak or Snap is one program, in whatever version, and nothing else is."""

import contextlib
import shutil
from pathlib import Path

from harness import firewall
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.confined import ADDRESS, ELSEWHERE
from harness.machine import do, with_module
from harness.marks import slow

ID = "org.example.App"
FLATPAK = f"flatpak:{ID}"
SYSTEM = Path("/var/lib/flatpak")
EXTRA = Path("/opt/more-flatpaks")
SETTINGS = Path("/etc/flatpak/installations.d/more.conf")
SNAPS = Path("/snap")
IMAGES = Path("/var/lib/snapd/snaps")
HOME = Path("/home/alice")
PYTHON = Path("/usr/bin/python3").resolve().name
LASTING = ["once", "process", "3600s", "logout", "always"]
BRIEF = ["once", "process"]

APPS = "name: {}\nversion: '1'\napps:\n  tool:\n    command: bin/tool\n"
BASE = "name: {}\nversion: '1'\ntype: base\n"


def fill(directory, owner="root"):
    """Puts programs in a directory as an application has them: a tool, and an interpreter."""
    (directory / "bin").mkdir(parents=True)
    for name in ("tool", "helper", PYTHON):
        shutil.copy(PROGRAM, directory / "bin" / name)
    do("chmod", "-R", "u=rwX,go=rX", directory)
    do("chown", "-R", f"{owner}:", directory)


@contextlib.contextmanager
def installation(path=SYSTEM, owner="root"):
    """Makes a place for Flatpaks, in which versions of the application can be deployed."""

    def deploy(commit):
        files = path / "app" / ID / "x86_64" / "stable" / commit / "files"
        fill(files)
        do("chmod", "-R", "go=rX", path)
        do("chown", "-R", f"{owner}:", path)
        return files

    assert not path.exists(), path
    path.mkdir(parents=True)
    try:
        yield deploy
    finally:
        shutil.rmtree(path)


def sandbox(files, *more):
    """What starts a program with these files at /app, and says that it is the application."""
    info = HOME / "flatpak-info"
    deployed = SYSTEM / "app" / ID / "x86_64/stable/c0ffee/files"
    info.write_text(f"[Application]\nname={ID}\n\n[Instance]\napp-path={deployed}\n")
    info.chmod(0o644)
    names = ("lib", "lib64", "bin", "sbin")
    links = [word for it in names for word in ("--symlink", f"usr/{it}", f"/{it}")]
    return (
        *("bwrap", "--die-with-parent", "--ro-bind", "/usr", "/usr", *links),
        *("--ro-bind", "/etc", "/etc", "--dev", "/dev", "--bind", "/proc", "/proc"),
        *("--ro-bind", files, "/app", "--ro-bind", info, "/.flatpak-info", *more),
    )


def confined(files, *more, program="/app/bin/tool"):
    return Caller(program=program, inside=sandbox(files, *more))


def bound(what, where):
    """Mounts a file or directory over another, for what is started by this alone."""
    return ("unshare", "-Urm", "sh", "-c", f'mount --rbind {what} {where} && exec "$@"', "sh")


def may(caller, address=ADDRESS):
    assert caller.call("connect", address).errno is None


def may_not(caller, address=ADDRESS):
    assert caller.call("connect", address).errno == "EPERM"


def asks(caller, application, lifespans=None):
    """The question that a call makes, and which application is asked about, if one is."""
    caller.start("connect", ADDRESS)
    question = firewall.prompt()
    subject = question.subject
    assert subject.application == application, question
    if application:
        assert (subject.key, subject.verified) == (application, True), question
        assert question.lifespans == LASTING, question
    if lifespans:
        assert question.lifespans == lifespans, question
    return question


def answer(question, caller, action, lifespan="once"):
    firewall.decide(question, action, lifespan, "any")
    assert (caller.result().errno is None) == (action == "allow")
    firewall.no_prompt()


def is_not(caller, lifespans=None):
    """A call that no rule for an application decides."""
    question = asks(caller, None, lifespans)
    answer(question, caller, "deny")
    return question.subject


def test_answer_for_a_flatpak_counts_for_every_version_of_it():
    with installation() as deploy:
        old = deploy("c0ffee")
        caller = confined(old)
        question = asks(caller, FLATPAK)
        assert question.subject.name == ID, question
        assert question.subject.path == str(old / "bin/tool"), question
        answer(question, caller, "allow", "always")
        (rule,) = firewall.rules()
        assert rule.program == FLATPAK, rule
        may(confined(old))
        may(confined(old, program="/app/bin/helper"), ELSEWHERE)
        new = deploy("1dea")
        shutil.rmtree(old.parent)
        may(confined(new))
        firewall.remove_rule(rule.id)
        firewall.add_rule(FLATPAK, "deny")
        may_not(confined(new))
        # However it is started: what counts is what runs.
        may_not(Caller(program=new / "bin/tool"))
        may_not(Caller(program=new / "bin/tool", inside=("unshare", "-Urm")))
        link = HOME / "link"
        link.symlink_to(new / "bin/tool")
        may_not(Caller(program=link))
        link.unlink()
        assert firewall.pending() == []
        seen = {it.key for it in firewall.ctl("programs")}
        assert FLATPAK in seen, seen


def test_flatpak_that_is_replaced_while_it_runs_stays_what_it_is():
    with installation() as deploy:
        old = deploy("c0ffee")
        firewall.add_rule(FLATPAK, "allow")
        may(confined(old))
        removed = SYSTEM / ".removed"
        removed.mkdir(mode=0o755)
        caller = confined(old)
        old.parent.rename(removed / "c0ffee-1")
        may(caller)
        may(confined(removed / "c0ffee-1/files", program="/app/bin/helper"), ELSEWHERE)
        # What was never seen where it was installed is whatever its vendor says.
        fill(removed / "evil-1/files")
        metadata = removed / "evil-1/metadata"
        metadata.write_text(f"[Application]\nname={ID}\n")
        do("chmod", "-R", "go=rX", removed)
        is_not(confined(removed / "evil-1/files"))


def test_what_says_it_is_a_flatpak_is_none():
    with installation() as deploy:
        deployed = deploy("c0ffee")
        firewall.add_rule(FLATPAK, "allow")
        evil = HOME / "evil"
        fill(evil, "alice")
        try:
            # A sandbox that says whatever the real one would.
            is_not(confined(evil), LASTING)
            # Other files at the place of the real ones, as they are seen by whoever put them there.
            program = deployed / "bin/tool"
            is_not(Caller(program=program, inside=bound(evil, deployed)), LASTING)
            is_not(Caller(program=program, inside=bound(evil / "bin/tool", program)), LASTING)
            # A tree of the user's that looks like an installation.
            own = HOME / "var/lib/flatpak/app" / ID / "x86_64/stable/c0ffee/files"
            fill(own, "alice")
            do("chmod", "-R", "go=rX", HOME / "var")
            subject = is_not(confined(own))
            assert not subject.verified, subject
            subject = is_not(Caller(program=own / "bin/tool"))
            assert subject.path == str(own / "bin/tool"), subject
            # Within the application's own sandbox, what is of the runtime is not the application's.
            is_not(confined(deployed, program=OTHER_PROGRAM))
            # The real one, to be sure that it is allowed.
            may(confined(deployed))
        finally:
            shutil.rmtree(evil)
            shutil.rmtree(HOME / "var", ignore_errors=True)


def test_interpreter_of_a_flatpak_is_not_the_flatpak():
    with installation() as deploy:
        deployed = deploy("c0ffee")
        firewall.add_rule(FLATPAK, "allow")
        interpreter = deployed / "bin" / PYTHON
        for caller in (
            confined(deployed, program=f"/app/bin/{PYTHON}"),
            # By another name, which the user has given it.
            confined(deployed, "--ro-bind", interpreter, "/tool", program="/tool"),
            Caller(program=interpreter),
        ):
            subject = is_not(caller, BRIEF)
            assert subject.runs_anything, subject
            assert subject.path == str(interpreter), subject


def test_other_code_in_a_flatpak_is_asked_about():
    library = HOME / "evil.so"
    shutil.copyfile(next(Path("/usr/lib").glob("*-linux-gnu/libutil.so.1")), library)
    do("chown", "alice:", library)
    try:
        with installation() as deploy:
            deployed = deploy("c0ffee")
            firewall.add_rule(FLATPAK, "allow")
            more = ("--ro-bind", library, "/evil.so", "--setenv", "LD_PRELOAD", "/evil.so")
            caller = confined(deployed, *more)
            caller.start("connect", ADDRESS)
            question = firewall.prompt()
            assert question.subject.alterations == ["foreign-code"], question
            assert question.lifespans == BRIEF, question
            answer(question, caller, "deny")
    finally:
        library.unlink()


@slow(minutes=3)
def test_installation_that_others_can_write_to_has_no_applications():
    with installation() as deploy:
        deployed = deploy("c0ffee")
        firewall.add_rule(FLATPAK, "allow")
        for path in (SYSTEM / "app" / ID, deployed / "bin", deployed / "bin/tool"):
            path.chmod(0o777)
            is_not(confined(deployed), LASTING)
            path.chmod(0o755)
            may(confined(deployed))
        do("chown", "alice:", deployed)
        is_not(confined(deployed), LASTING)


def test_other_installations_are_those_that_root_has_named():
    with installation(EXTRA) as deploy:
        deployed = deploy("c0ffee")
        firewall.add_rule(FLATPAK, "allow")
        is_not(confined(deployed), LASTING)
        SETTINGS.parent.mkdir(parents=True, mode=0o755)
        try:
            SETTINGS.write_text(f'[Installation "more"]\nPath={EXTRA}\n')
            SETTINGS.chmod(0o644)
            may(confined(deployed))
        finally:
            shutil.rmtree(SETTINGS.parents[1])


def test_flatpak_of_one_user_is_a_program_at_home():
    path = HOME / ".local/share/flatpak"
    with installation(path, "alice") as deploy:
        deployed = deploy("c0ffee")
        firewall.add_rule(FLATPAK, "allow")
        caller = confined(deployed)
        question = asks(caller, None, LASTING)
        subject = question.subject
        assert (subject.path, subject.verified) == (str(deployed / "bin/tool"), True), question
        answer(question, caller, "allow", "always")
        may(confined(deployed))
        may(Caller(program=deployed / "bin/tool"))
        is_not(confined(deploy("1dea")), LASTING)


@contextlib.contextmanager
def snap(name, revision, description=APPS, at=None):
    """Has an image of a snap mounted, as snapd would."""
    with_module("loop")
    with_module("squashfs")
    content = Path("/tmp/content")
    fill(content)
    (content / "meta").mkdir(mode=0o755)
    (content / "meta/snap.yaml").write_text(description.format(name))
    (content / "meta/snap.yaml").chmod(0o644)
    IMAGES.mkdir(parents=True, exist_ok=True)
    image = IMAGES / f"{name}_{revision}.snap"
    do("mksquashfs", content, image, "-all-root", "-noappend", "-quiet", "-no-progress")
    shutil.rmtree(content)
    where = SNAPS / name / str(revision)
    where.mkdir(parents=True)
    for directory in (SNAPS, SNAPS / name, where):
        directory.chmod(0o755)
    do("mount", "-t", "squashfs", "-o", "loop,ro,nodev", image, where)
    try:
        yield where
    finally:
        do("umount", "--lazy", where)
        shutil.rmtree(SNAPS / name)
        image.unlink()


@slow(minutes=3)
def test_answer_for_a_snap_counts_for_every_revision_of_it():
    with snap("hello", 1) as old:
        caller = Caller(program=old / "bin/tool")
        question = asks(caller, "snap:hello")
        assert question.subject.path == str(old / "bin/tool"), question
        answer(question, caller, "allow", "always")
        assert [it.program for it in firewall.rules()] == ["snap:hello"]
        may(Caller(program=old / "bin/helper"))
        # From elsewhere, as snapd has it in a snap's own mounts.
        there = "/mnt/bin/tool"
        may(Caller(program=there, inside=bound(old, "/mnt")))
    with snap("hello", "x2") as new:
        may(Caller(program=new / "bin/tool"))
        firewall.remove_rule(firewall.rules()[0].id)
        firewall.add_rule("snap:hello", "deny")
        may_not(Caller(program=new / "bin/tool"))
        subject = is_not(Caller(program=new / "bin" / PYTHON), BRIEF)
        assert subject.runs_anything, subject


@contextlib.contextmanager
def linked_snaps():
    """Has snaps where some systems have them, with a link of root's at the place where they see themselves."""
    linked = Path("/var/lib/snapd/snap")
    linked.mkdir(parents=True)
    for directory in (linked.parent, linked):
        directory.chmod(0o755)
    SNAPS.mkdir(exist_ok=True)
    SNAPS.rmdir()
    SNAPS.symlink_to(linked)
    try:
        yield linked
    finally:
        SNAPS.unlink()
        shutil.rmtree(linked)


@slow(minutes=3)
def test_snap_that_the_host_has_behind_a_link_is_an_application():
    with linked_snaps() as linked, snap("hello", 1) as there:
        assert there.is_mount() and there.resolve() == linked / "hello/1", there
        # Its own mounts have a directory there, as snap-confine makes them.
        inside = sandbox(there.resolve(), "--ro-bind", linked, SNAPS)
        caller = Caller(program=there / "bin/tool", inside=inside)
        question = asks(caller, "snap:hello")
        assert question.subject.path == str(linked / "hello/1/bin/tool"), question
        answer(question, caller, "allow", "always")
        may(Caller(program=there / "bin/helper", inside=inside), ELSEWHERE)
        may(Caller(program=there / "bin/tool"))


def test_link_of_a_users_gives_no_application_another_name():
    with snap("hello", 1) as there:
        firewall.add_rule("snap:hello", "deny")
        alias = HOME / "alias"
        alias.symlink_to(there)
        try:
            # A directory in mounts of the user's own, where everybody else sees the link.
            inside = sandbox(there, "--ro-bind", there, alias)
            may_not(Caller(program=alias / "bin/tool", inside=inside))
        finally:
            alias.unlink()


def test_script_in_an_application_is_not_the_application():
    """Its interpreter obeys whoever starts it: it would speak for the application with anybody's code."""
    with installation() as deploy:
        deployed = deploy("c0ffee")
        script = deployed / "bin/script"
        code = 'import runpy, sys\nrunpy.run_path(sys.argv[-1], run_name="__main__")\n'
        script.write_text("#!/usr/bin/python3 -IS\n" + code)
        script.chmod(0o755)
        firewall.add_rule(FLATPAK, "allow")
        subject = is_not(Caller(program=script))
        assert subject.path == str(script), subject


@slow(minutes=3)
def test_instance_of_a_snap_is_an_application_of_its_own():
    with snap("hello_b", 1) as instance:
        (SNAPS / "hello").mkdir(mode=0o755)
        try:
            firewall.add_rule("snap:hello", "allow")
            # It has the other one's place in its own mounts.
            inside = bound(SNAPS / "hello_b", SNAPS / "hello")
            caller = Caller(program=SNAPS / "hello/1/bin/tool", inside=inside)
            question = asks(caller, "snap:hello_b")
            assert question.subject.path == str(instance / "bin/tool"), question
            answer(question, caller, "deny", "always")
            may_not(Caller(program=instance / "bin/tool"))
        finally:
            (SNAPS / "hello").rmdir()


@slow(minutes=3)
def test_base_of_snaps_is_no_application():
    with snap("core98", 1, BASE) as base:
        is_not(Caller(program=base / "bin/tool"))
        # Within a snap, all that is not its own is its base's.
        is_not(Caller(program="/mnt/bin/tool", inside=bound(base, "/mnt")), LASTING)


def test_directory_that_is_tried_is_no_snap():
    tried = HOME / "tried"
    fill(tried, "alice")
    (tried / "meta").mkdir()
    (tried / "meta/snap.yaml").write_text(APPS.format("tried"))
    where = SNAPS / "tried/x1"
    where.mkdir(parents=True)
    firewall.add_rule("snap:tried", "allow")
    do("mount", "--bind", tried, where)
    try:
        subject = is_not(Caller(program=where / "bin/tool"))
        assert subject.path == str(where / "bin/tool"), subject
        do("chown", "-R", "root:", tried)
        # Root's, but no image either.
        is_not(Caller(program=where / "bin/tool"))
    finally:
        do("umount", "--lazy", where)
        shutil.rmtree(SNAPS / "tried")
        shutil.rmtree(tried)


@slow(minutes=3)
def test_rule_for_a_path_of_an_applications_is_for_that():
    with snap("hello", 1) as there, installation() as deploy:
        starter = SNAPS / "bin/hello.tool"
        starter.parent.mkdir(mode=0o755)
        try:
            # As snapd has it: a link to another program.
            starter.symlink_to(OTHER_PROGRAM)
            for path, key in (
                (deploy("c0ffee") / "bin/tool", FLATPAK),
                (there / "bin/tool", "snap:hello"),
                (starter, "snap:hello"),
            ):
                rule = firewall.add_rule(path, "allow")
                assert [it.program for it in firewall.rules()] == [key], path
                if path != starter:
                    firewall.remove_rule(rule)
            may(Caller(program=there / "bin/tool"))
            is_not(Caller(program=OTHER_PROGRAM))
        finally:
            shutil.rmtree(starter.parent)


def test_no_rule_is_made_for_what_no_application_can_be_called():
    for key in ("flatpak:example", "snap:Hello", "snap:a/../b", "flatpak:"):
        refused = firewall.refusal(firewall.add_rule, key, "allow")
        assert refused.status == firewall.USAGE, refused
        assert key in refused.error.message, refused.error
