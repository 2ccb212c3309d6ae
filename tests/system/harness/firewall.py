"""The firewall as its administrator has it: the command line, the service, the settings."""

import contextlib
import json
import os
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

from harness import bus, callers
from harness.machine import do, run
from harness.wait import until

SERVICE = "portreeved.service"
AGENT = "portreeve-agent.service"
PROCESSES = Path("/sys/fs/cgroup/system.slice", SERVICE, "cgroup.procs")
SETTINGS = Path("/etc/portreeve/portreeved.toml")
RULES = Path("/etc/portreeve/rules.d")
LISTS = Path("/etc/portreeve/lists")
DATABASE = Path("/var/lib/portreeve/rules.db")
# Those of the tests, which are about users who want to be asked.
ASK = {"mode": '"ask"'}
USERS = ("alice", "bob")
BUILT_IN_RULES = 2

# Exit statuses of portreevectl.
FAILED, USAGE, ACCESS_DENIED, NOT_FOUND, STALE, UNREACHABLE = 1, 2, 3, 4, 5, 69


class Refused(Exception):
    """portreevectl has ended with another status than 0."""

    def __init__(self, status, error):
        super().__init__(f"status {status}: {error}")
        self.status = status
        self.error = error


def _read(result):
    if result.returncode != 0:
        try:
            error = json.loads(result.stderr)["error"]
        except (ValueError, KeyError):
            error = {"name": "", "message": result.stderr}
        raise Refused(result.returncode, SimpleNamespace(**error))
    return json.loads(result.stdout, object_hook=lambda pairs: SimpleNamespace(**pairs))


def ctl(*arguments, user="alice"):
    """What portreevectl prints for root acting for a user."""
    return _read(run("portreevectl", "--json", "--user", user, *map(str, arguments)))


def ctl_as(user, *arguments):
    """What portreevectl prints for the user."""
    return _read(run("portreevectl", "--json", *map(str, arguments), user=user))


# Whether portreevectl is to be asked where the bus would do.
_by_portreevectl = False


def refusal(call, *arguments, **options):
    """The refusal that a call of the above ends in: that of portreevectl, whose status says why."""
    global _by_portreevectl
    _by_portreevectl = True
    try:
        result = call(*arguments, **options)
    except Refused as refused:
        return refused
    finally:
        _by_portreevectl = False
    raise AssertionError(f"{arguments} was not refused: {result}")


def _by_bus(ask, *words, user):
    """What the bus says; or portreevectl with these words, which waits for a broker that is being started."""
    if not _by_portreevectl:
        with contextlib.suppress(bus.Absent):
            return ask()
    return ctl(*words, user=user)


def status(user="alice"):
    return _by_bus(lambda: bus.status(user), "status", user=user)


def doctor(user="alice"):
    """What the doctor finds, by the names of its checks; it fails where something is wrong."""
    found = json.loads(run("portreevectl", "--json", "--user", user, "doctor").stdout)
    return {finding["check"]: SimpleNamespace(**finding) for finding in found}


def pending(user="alice"):
    return _by_bus(lambda: bus.prompts(user), "pending", user=user)


def rules(user="alice"):
    """The user's own rules."""
    every = _by_bus(lambda: bus.rules(user), "rules", "list", user=user)
    return [rule for rule in every if rule.origin != "built-in"]


def add_rule(program, action, *more, user="alice", operation="connect"):
    """Adds a rule about connecting, or about another operation; returns its id."""
    words = ("--app", program, "--op", operation, "--action", action, *more)
    # Of others, portreevectl finds out what rules call them.
    known = program in (callers.PROGRAM, callers.OTHER_PROGRAM)
    if not known or more and (more[0] != "--addr" or len(more) > 2):
        return ctl("rules", "add", *words, user=user).ids[0]

    def add():
        rule = bus.add_rule(program, action, *more[1:], user=user, operation=operation)
        return SimpleNamespace(ids=[rule])

    return _by_bus(add, "rules", "add", *words, user=user).ids[0]


def remove_rule(rule, user="alice"):
    _by_bus(lambda: bus.remove_rule(rule, user), "rules", "remove", rule, user=user)


def prompt(held=1, user="alice", seconds=60):
    """The only open prompt, once as many calls are held by it."""

    def found():
        prompts = pending(user)
        assert len(prompts) <= 1, f"more than one prompt: {prompts}"
        return prompts[0] if prompts and prompts[0].held == held else None

    return until(found, f"one prompt that holds {held} calls", seconds)


def prompt_of_next(held=1):
    """The only open prompt of a broker that has just been started, once it knows that alice is logged in: only
    then may an answer last until she logs out, which makes it another question."""

    def found():
        question = prompt(held)
        return question if "logout" in question.lifespans else None

    return until(found, "a prompt of somebody who is logged in")


def no_prompt(user="alice", seconds=10):
    """Waits until no prompt is open."""
    until(lambda: not bus.status(user).prompts, "the end of all prompts", seconds)


def built_in(rule, action, user="alice"):
    """Has a built-in rule say something else to the user."""
    said = ctl("rules", "built-in", rule, action, user=user)
    assert (said.rule, said.action) == (rule, action), said


def decide(question, action, lifespan="once", scope="host-port", user="alice"):
    """Answers a prompt; returns the id of the rule made, if one was."""
    options = ("--for", lifespan, "--scope", scope, "--revision", question.revision)
    words = ("decide", question.id, action, *options)
    # Of times, portreevectl knows more words than the broker.
    if lifespan not in question.lifespans:
        return ctl(*words, user=user).rule

    def answer():
        return SimpleNamespace(rule=bus.answer(question, action, lifespan, scope))

    return _by_bus(answer, *words, user=user).rule


def service(verb):
    """Has systemd do something to the broker."""
    # The tests start it more often than the limit for starts allows.
    do("systemctl", "reset-failed", SERVICE)
    do("systemctl", verb, SERVICE)


def main_pid():
    """The broker's process id; 0 while it does not run."""
    return int(do("systemctl", "show", "--property=MainPID", "--value", SERVICE))


def broker():
    """The broker's process id, found without asking systemd; 0 while it does not run."""
    # Its control group and its processes come and go.
    with contextlib.suppress(OSError):
        for pid in PROCESSES.read_text().split():
            # Not what systemd executes it from, nor a gatekeeper that has just been started.
            if Path(f"/proc/{pid}/comm").read_text() == "portreeved\n":
                return int(pid)
    return 0


def kill():
    """Kills the broker, and waits until the next answers."""
    before = main_pid()
    assert before, "the broker does not run"
    os.kill(before, signal.SIGKILL)
    until(lambda: main_pid() not in (0, before) and is_up(), "the next broker")


def failures():
    """What has failed, and how often."""
    counts = (it.split("=") for it in status().failures)
    return {reason: int(count) for reason, count in counts}


def is_up():
    """Whether the broker answers."""
    try:
        return bus.status("alice").enforcing
    except bus.Failed:
        return False


def agent(verb):
    """Has alice's service manager do something to her agent."""
    do("systemctl", "--user", verb, AGENT, user="alice")


def has_agent(user="alice"):
    """Whether the broker answers, and the user's agent is registered there."""
    try:
        return bus.status(user).agent
    except bus.Failed:
        return False


def await_agent():
    until(has_agent, "alice's agent", 40)


def _text(values):
    return "".join(f"{key} = {value}\n" for key, value in values.items())


def settings(**values):
    """Restarts the broker with these settings, and waits for the agent if it was there."""
    settings_alone(**ASK | values)


def settings_alone(**values):
    """The same, also if nothing is said of the mode."""
    had_agent = has_agent()
    SETTINGS.parent.mkdir(exist_ok=True)
    SETTINGS.write_text(_text(values))
    service("restart")
    if had_agent:
        await_agent()


def reset():
    """Back to the start: only the mode set, no rules, no mode but to ask, no prompts, the broker and alice's agent there."""
    changed = not SETTINGS.exists() or SETTINGS.read_text() != _text(ASK) or RULES.exists()
    SETTINGS.parent.mkdir(exist_ok=True)
    SETTINGS.write_text(_text(ASK))
    shutil.rmtree(RULES, ignore_errors=True)
    shutil.rmtree(LISTS, ignore_errors=True)
    if changed:
        service("restart")
    states = _quiet_states() or _dismiss()
    if not states:
        # A restart has left held calls to the next broker; a stop ends them.
        service("stop")
        service("start")
        states = _quiet_states()
    for user, state in states.items():
        for rule in ("this-computer", "name-lookups"):
            bus.set_built_in(rule, "allow", user)
        if state.mode != "ask" or state.mode_ends:
            bus.set_mode("ask", user)
        if state.rules > BUILT_IN_RULES:
            for rule in bus.own_rules(user):
                # Rules of processes go with them.
                with contextlib.suppress(bus.Gone):
                    bus.remove_rule(rule, user)
        bus.remove_lists(user)
    if not states["alice"].agent:
        agent("start")
        await_agent()


def _dismiss():
    """Denies all that is asked, as root may: to load the probe anew takes ten times as long. By rules, which are
    removed then; what is denied once is so for the next attempt.
    """
    with contextlib.suppress(bus.Failed):
        for question in (it for user in USERS for it in bus.prompts(user)):
            bus.answer(question, "deny", "always", question.scopes[0])
    return _quiet_states()


def _quiet_states():
    """The users' states once no prompts are left; None if some stay, or nobody answers.

    Prompts about programs that have ended go by themselves.
    """

    def quiet(user):
        state = bus.status(user)
        return None if state.prompts else state

    try:
        return {
            user: until(lambda: quiet(user), "the end of all prompts", seconds=1)
            for user in USERS
        }
    except (AssertionError, bus.Failed):
        return None
