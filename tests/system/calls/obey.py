"""Makes socket calls as it is told to, and says how each of them went: what caller.py does.

Reads one JSON object a line: `{"call": NAME, OPTION: VALUE, …}`, where NAME is a function below,
or `MODULE.FUNCTION` of the modules in calls/. Answers each with one line: what the function
returned, or the errno it failed with. Says `{"ready": PID}` first.

The calls under test go straight to libc: Python's own would try again after a signal.
"""

import errno
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
import time

from calls.kernel import endpoint, family_of, handled, libc, noted, timed


def connect(address, port=80, nonblocking=False, unspec=False, kind=socket.SOCK_STREAM):
    """connect(), by TCP unless it says otherwise; when it goes on by itself, waits for its end."""
    with socket.socket(family_of(address), kind) as sock:
        sock.setblocking(not nonblocking)
        where = endpoint(address, port, unspec)
        result = timed(libc.connect, sock.fileno(), where, len(where))
        if result["errno"] == "EINPROGRESS":
            writable = select.select([], [sock], [], 5)[1]
            result["established"] = bool(
                writable and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
            )
    return result


def sendto(address, port=7777, connected=None, unspec=False, inet6=False):
    """sendto() by UDP, on a socket connected to `connected` if that is given."""
    family = socket.AF_INET6 if inet6 else family_of(address)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        if connected:
            sock.connect((connected, port))
        where = endpoint(address, port, unspec)
        result = timed(libc.sendto, sock.fileno(), b"echo", 4, 0, where, len(where))
        if result["errno"] is None and not connected:
            sock.settimeout(5)
            result["reply"] = sock.recv(16).decode()
    return result


def fastopen(address, port=80):
    """sendto() by TCP that connects too."""
    with socket.socket(family_of(address), socket.SOCK_STREAM) as sock:
        where = endpoint(address, port)
        flags = socket.MSG_FASTOPEN
        return timed(libc.sendto, sock.fileno(), b"GET", 3, flags, where, len(where))


def routing_header(through):
    """An IPv6 routing header of type 4 (segment routing) with one stop."""
    return bytes([0, 2, 4, 0, 0, 0, 0, 0]) + socket.inet_pton(socket.AF_INET6, through)


def set_option(option):
    """setsockopt() by which packets would go another way; its value is an IPv6 routing header."""
    options = {
        "IP_OPTIONS": (socket.IPPROTO_IP, 4),
        "IPV6_RTHDR": (socket.IPPROTO_IPV6, 57),
        "IPV6_2292RTHDR": (socket.IPPROTO_IPV6, 5),
        "IPV6_2292PKTOPTIONS": (socket.IPPROTO_IPV6, 6),
        "IPV6_FLOWLABEL_MGR": (socket.IPPROTO_IPV6, 32),
    }
    value = routing_header("2001:db8::1")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        words = (*options[option], value, len(value))
        return timed(libc.setsockopt, sock.fileno(), *words)


def send_with(address, port, connected, kind, value):
    """sendmsg() by UDP with a control message of IPv6."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        if connected:
            sock.connect((address, port))
        control = [(socket.IPPROTO_IPV6, kind, value)]
        try:
            sock.sendmsg([b"echo"], control, 0, None if connected else (address, port))
            return {"errno": None, "reply": sock.recv(16).decode()}
        except OSError as error:
            return {"errno": errno.errorcode.get(error.errno)}


def send_routed(address, through, port=7777, connected=False):
    """A datagram that is to go through another host first."""
    return send_with(address, port, connected, socket.IPV6_RTHDR, routing_header(through))


def send_with_hop_limit(address, port=7777):
    """A datagram with a control message that changes nothing about where it goes."""
    return send_with(address, port, False, socket.IPV6_HOPLIMIT, struct.pack("i", 9))


def listen(address, port=0, protocol=0):
    """listen() by TCP; says on which port."""
    with socket.socket(family_of(address), socket.SOCK_STREAM, protocol) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        result = timed(libc.listen, sock.fileno(), 5)
        return result | {"port": sock.getsockname()[1]}


def create(family, kind, protocol=0):
    """socket() alone."""
    result = timed(libc.socket, family, kind, protocol)
    if result["value"] >= 0:
        os.close(result["value"])
    return result


def unix():
    """A connection and a datagram within AF_UNIX."""
    begin = time.monotonic()
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("")
        server.listen()
        client.connect(server.getsockname())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind("")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.sendto(b"datagram", server.getsockname())
        return {"reply": server.recv(16).decode(), "seconds": time.monotonic() - begin}


def netlink():
    """Asks the kernel for its network devices."""
    begin = time.monotonic()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        rtm_getlink, request_dump = 18, 0x301
        sock.sendto(struct.pack("=IHHIIB3x", 20, rtm_getlink, request_dump, 1, 0, 0), (0, 0))
        return {"value": len(sock.recv(65536)), "seconds": time.monotonic() - begin}


def loopback():
    """Connects to a server of its own on each of the loopback's addresses."""
    begin = time.monotonic()
    for family, address in (
        (socket.AF_INET, "127.0.0.1"),
        (socket.AF_INET, "127.9.9.9"),
        (socket.AF_INET, "0.0.0.0"),
        (socket.AF_INET6, "::1"),
        (socket.AF_INET6, "::ffff:127.0.0.1"),
    ):
        with socket.socket(family) as server, socket.socket(family) as client:
            server.bind(("127.0.0.1" if address == "0.0.0.0" else address, 0))
            server.listen()
            client.connect((address, server.getsockname()[1]))
    return {"seconds": time.monotonic() - begin}


def in_threads(count, **options):
    """The same connect() in as many threads at once."""
    threading.stack_size(256 * 1024)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(connect(**options))) for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"each": results}


def in_processes(count, **options):
    """The same connect() in as many processes at once."""
    readers = []
    for _ in range(count):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.write(writer, json.dumps(connect(**options)).encode())
            os._exit(0)
        os.close(writer)
        readers.append(open(reader))
    results = [json.load(reader) for reader in readers]
    for _ in range(count):
        os.wait()
    return {"each": results}


def measure(address, count, port=80):
    """How long connect() and close() take, in microseconds: the median of `count`."""
    family, times = family_of(address), []
    for _ in range(count):
        sock = socket.socket(family, socket.SOCK_STREAM)
        begin = time.perf_counter_ns()
        sock.connect((address, port))
        sock.close()
        times.append(time.perf_counter_ns() - begin)
    return {"value": sorted(times)[count // 2] / 1000}


def enter_user_namespace(network=False):
    """Goes into a user namespace of its own, whose users somebody else has to map, and perhaps
    into a network of its own too."""
    clone_newuser, clone_newnet = 0x10000000, 0x40000000
    return timed(libc.unshare, clone_newuser | (clone_newnet if network else 0))


def become(uid):
    """Becomes another user of its namespace."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    return {}


def pretend(path):
    """Changes which executable /proc shows, by PR_SET_MM_MAP."""
    with open("/proc/self/stat") as stat:
        words = stat.read().rsplit(") ", 1)[1].split()
    # Fields 26 and so on of proc_pid_stat(5), of which two come before the name is over.
    names = {"start_code": 23, "end_code": 24, "start_stack": 25, "start_data": 42, "end_data": 43,
             "start_brk": 44, "arg_start": 45, "arg_end": 46, "env_start": 47, "env_end": 48}
    fields = {name: int(words[number]) for name, number in names.items()}
    order = ("start_code", "end_code", "start_data", "end_data", "start_brk", "brk", "start_stack",
             "arg_start", "arg_end", "env_start", "env_end")
    fields["brk"] = fields["start_brk"]
    exe = os.open(path, os.O_RDONLY)
    # struct prctl_mm_map of include/uapi/linux/prctl.h.
    value = struct.pack("=11QQIi", *(fields[name] for name in order), 0, 0, exe)
    pr_set_mm, pr_set_mm_map = 35, 14
    return timed(libc.prctl, pr_set_mm, pr_set_mm_map, value, len(value), 0)


def handle_alarm(restart):
    """Installs a handler of SIGALRM, with or without SA_RESTART."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # The handler in C writes to this at once; the one in Python has to wait for the call's end.
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.siginterrupt(signal.SIGALRM, not restart)

    def note():
        while os.read(reader, 1):
            handled.append(time.monotonic())
            noted.set()

    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    threading.Thread(target=note, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    return {}


def say(result):
    print(json.dumps(result), flush=True)


def found(name):
    """The function of this name; its module is loaded only now, since a start costs time."""
    module, _, function = name.rpartition(".")
    if not module:
        return globals()[name]
    return getattr(importlib.import_module(f"calls.{module}"), function)


def made(name, options):
    """How a call went."""
    try:
        return {"errno": None, **(found(name)(**options) or {})}
    except OSError as error:
        return {"value": -1, "errno": errno.errorcode.get(error.errno, error.errno)}


def obey():
    """Makes the calls that it is told to."""
    while line := sys.stdin.readline():
        options = json.loads(line)
        say(made(options.pop("call"), options))


def begin():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    say({"ready": os.getpid()})
    obey()
