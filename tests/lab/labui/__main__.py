"""The commands behind lab-see, lab-click, lab-wait and lab-type --into."""

import argparse
import sys

from labui import tree  # First: it chooses the version of Atspi.
from labui import act
from labui.find import Wanted, find, until


def fail(message):
    """Ends the command, showing what is on the screen instead."""
    print(tree.show(), file=sys.stderr)
    sys.exit(f"{message}; the windows are above")


def see(_):
    print(tree.show())


def click(options):
    wanted = Wanted(options.name, options.role)
    node = until(lambda: find(wanted, act.can_click), options.timeout)
    if node is None:
        fail(f"lab-click: cannot find “{options.name}” to click")
    if not act.click(node):
        fail(f"lab-click: cannot click “{options.name}”")


def wait(options):
    wanted = Wanted(options.name, options.role)
    if options.gone:
        if not until(lambda: find(wanted) is None, options.timeout):
            fail(f"lab-wait: “{options.name}” is still there")
    elif until(lambda: find(wanted), options.timeout) is None:
        fail(f"lab-wait: cannot find “{options.name}”")


def set_text(options):
    wanted = Wanted(options.name, options.role)
    node = until(lambda: find(wanted, act.can_set_text), options.timeout)
    if node is None:
        fail(f"lab-type: cannot find the entry “{options.name}”")
    if not act.set_text(node, options.text):
        fail(f"lab-type: cannot set the text of “{options.name}”")


def command_line():
    parser = argparse.ArgumentParser(prog="lab")
    commands = parser.add_subparsers(required=True)
    commands.add_parser("see", help="print the windows' accessible tree").set_defaults(run=see)

    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("name", metavar="NAME", help="exact, or /a regular expression/")
    named.add_argument("--timeout", type=float, default=20, metavar="SECONDS")
    role = argparse.ArgumentParser(add_help=False)
    role.add_argument("role", metavar="ROLE", nargs="?", help="such as: button, label, switch")

    it = commands.add_parser("click", parents=[named, role], help="click on something")
    it.set_defaults(run=click)
    it = commands.add_parser("wait", parents=[named, role], help="wait for something")
    it.add_argument("--gone", action="store_true", help="wait until it is gone")
    it.set_defaults(run=wait)
    it = commands.add_parser("set", parents=[named], help="replace the text of an entry")
    it.add_argument("text", metavar="TEXT")
    it.set_defaults(run=set_text, role=None)
    return parser


options = command_line().parse_args()
options.run(options)
