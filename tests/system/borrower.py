"""A program that becomes one of Portreeve's own and goes on speaking as if it were that.

    borrower.py WAY PROGRAM INTERFACE METHOD

It opens a connection to the bus, shares it with a second process, and turns itself into PROGRAM
(`execve`). The second process waits until that is where it wants it, calls the method over the
connection, prints name and text of the error as JSON (null if there is none), and ends both.

WAY is one of
  running  PROGRAM runs, and has opened its own connection
  stopped  PROGRAM is stopped before its first instruction
  lied-to  PROGRAM runs with a system bus, in its view of the file system, that tells it that its
           connection is the borrowed one
"""

import ctypes
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

from gi.repository import Gio, GLib

BROKER = "io.github.portreeve.Broker1"
BROKER_PATH = "/io/github/portreeve/Broker1"
BUS_FOLDER = Path("/run/dbus")
BUS_SOCKET = "system_bus_socket"
OWN_UID = 0xFFFF_FFFF
PATIENCE = 60  # seconds
NO_FLAGS = Gio.DBusCapabilityFlags.NONE

RULE = {
    "program": GLib.Variant("s", "/usr/local/bin/caller"),
    "operations": GLib.Variant("as", ["connect"]),
    "action": GLib.Variant("s", "allow"),
}
ARGUMENTS = {
    "RegisterAgent": None,
    "Change": GLib.Variant("(ua{sv})", (OWN_UID, {"add": GLib.Variant("aa{sv}", [RULE])})),
}


def read(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def read_line(sock):
    line = b""
    while not line.endswith(b"\r\n"):
        line += read(sock, 1)
    return line.strip(b"\0\r\n")


def read_message(sock):
    head = read(sock, 16)
    rest = Gio.DBusMessage.bytes_needed(head) - len(head)
    return Gio.DBusMessage.new_from_blob(head + read(sock, rest), NO_FLAGS)


class Bus:
    """A connection to the bus that another process can go on with."""

    def __init__(self):
        self.serial = 0
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(BUS_FOLDER / BUS_SOCKET))
        uid = str(os.getuid()).encode().hex()
        self.sock.sendall(b"\0AUTH EXTERNAL " + uid.encode() + b"\r\n")
        assert read_line(self.sock).startswith(b"OK")
        self.sock.sendall(b"BEGIN\r\n")
        name = "org.freedesktop.DBus"
        hello = self.call(name, "/org/freedesktop/DBus", name, "Hello", None)
        self.name = hello.get_body().unpack()[0]

    def call(self, destination, path, interface, method, arguments):
        call = Gio.DBusMessage.new_method_call(destination, path, interface, method)
        if arguments is not None:
            call.set_body(arguments)
        self.serial += 1
        call.set_serial(self.serial)
        self.sock.sendall(bytes(call.to_blob(NO_FLAGS)))
        while True:
            reply = read_message(self.sock)
            if reply.get_reply_serial() == self.serial:
                return reply


def lie_to_all(listener, name):
    """Plays the system bus for whoever connects: the program may have more connections than one."""
    clients = []
    while True:
        client, _ = listener.accept()
        clients.append(client)
        threading.Thread(target=lie, args=(client, name), daemon=True).start()


def lie(client, name):
    """Plays the system bus for a client, whose unique name is said to be `name`."""
    while (line := read_line(client)) != b"BEGIN":
        if line.startswith(b"AUTH"):
            client.sendall(b"OK " + b"0" * 32 + b"\r\n")
        else:
            client.sendall(b"AGREE_UNIX_FD\r\n")
    while True:
        call = read_message(client)
        if call.get_member() == "Hello":
            reply = call.new_method_reply()
            reply.set_body(GLib.Variant("(s)", (name,)))
        else:
            reply = call.new_method_error_literal("org.freedesktop.DBus.Error.Failed", "no")
        reply.set_sender("org.freedesktop.DBus")
        reply.set_destination(name)
        reply.set_serial(call.get_serial() + 1)
        client.sendall(bytes(reply.to_blob(NO_FLAGS)))
        if call.get_member() == "Hello":
            return


def put_bus_over(folder):
    """Enters namespaces in which `folder` is where the bus should be."""
    uid, gid = os.getuid(), os.getgid()
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    libc = ctypes.CDLL(None, use_errno=True)
    bind = 0x1000
    result = libc.mount(bytes(folder), bytes(BUS_FOLDER), None, bind, None)
    assert result == 0, os.strerror(ctypes.get_errno())


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "this takes too long"
        time.sleep(0.001)


def speak(way, bus, program, listener, call):
    """The second process: waits for the first to be what it should be, and calls."""
    first = os.getppid()
    proc = Path("/proc") / str(first)
    try:
        if way == "stopped":
            wait_for(lambda: (proc / "exe").readlink() == Path(program))
            os.kill(first, signal.SIGSTOP)
            wait_for(lambda: "State:\tT" in (proc / "status").read_text())
        elif way == "lied-to":
            threading.Thread(target=lie_to_all, args=(listener, bus.name), daemon=True).start()
            wait_for(lambda: (proc / "comm").read_text() == f"/{bus.name}\n")
        else:
            wait_for(lambda: (proc / "comm").read_text().startswith("/"))
        interface, method = call
        reply = bus.call(BROKER, BROKER_PATH, BROKER.replace("Broker1", interface), method,
                         ARGUMENTS[method])
        name = reply.get_error_name()
        text = reply.get_body().unpack()[0] if name else None
        print(json.dumps({"name": name, "text": text}), flush=True)
    finally:
        os.kill(first, signal.SIGKILL)


def main():
    way, program, *call = sys.argv[1:]
    bus = Bus()
    with tempfile.TemporaryDirectory() as folder:
        listener = None
        if way == "lied-to":
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(f"{folder}/{BUS_SOCKET}")
            listener.listen()
        if os.fork() == 0:
            speak(way, bus, program, listener, call)
            return
        if way == "lied-to":
            put_bus_over(folder.encode())
        # Its output is the second process's alone.
        os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
        os.execv(program, [program])


main()
