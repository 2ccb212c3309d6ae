"""Programs that start programs, and several calls at once."""

import ctypes
import json
import mmap
import os
import socket
import sys
import threading

from calls.datagrams import ECHO, PAYLOAD
from calls.kernel import check_negative, connect, endpoint, family_of, libc, outcome

MFD_CLOEXEC = 1
SYS_EXIT = 60  # ends the thread alone


def words_for(program):
    """The command that runs caller.py by this program."""
    return [program, *sys.orig_argv[1:]]


def execute(program):
    """Becomes another program, in the same process; the answer is the other's."""
    os.execv(program, words_for(program))


def execute_from_a_thread(program):
    """The same by a thread that is not the process's first."""
    threading.Thread(target=execute, args=(program,)).start()
    threading.Event().wait()


def go_on_without_first_thread():
    """The process's first thread ends, and another does what is to be done from now on."""
    from calls import obey  # Which is there by now.

    threading.Thread(target=obey.obey).start()
    obey.say({"errno": None})
    libc.syscall(SYS_EXIT, 0)


def connect_beside_execution(program, **options):
    """connect() in a thread while the first one executes a program, which it cannot in the end."""
    from calls import obey  # Which is there by now.

    results = []
    thread = threading.Thread(target=lambda: results.append(obey.connect(**options)))
    thread.start()
    # Python's own would let no other thread go on.
    words = (ctypes.c_char_p * 2)(program.encode(), None)
    libc.execv(words[0], words)
    thread.join()
    return results[0]


def execute_in_memory():
    """Becomes a copy of itself that is in memory only."""
    descriptor = os.memfd_create("caller", MFD_CLOEXEC)
    with open("/proc/self/exe", "rb") as own:
        while data := own.read(1 << 20):
            os.write(descriptor, data)
    os.execve(descriptor, words_for(sys.executable), os.environ)


def spawn(program, made, **options):
    """Has a program, started by posix_spawn(), make a call; how that went."""
    request, result = os.pipe(), os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, request[0], 0), (os.POSIX_SPAWN_DUP2, result[1], 1)]
    child = os.posix_spawn(program, words_for(program), os.environ, file_actions=actions)
    return _told(child, request, result, made, options)


def started(program, made, options, inside, outside):
    """The same of one started by fork(); `inside` is called in the child before it becomes the
    program, `outside` with the child's id after that."""
    request, result = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(request[0], 0)
        os.dup2(result[1], 1)
        inside()
        execute(program)
    outside(child)
    return _told(child, request, result, made, options)


def _told(child, request, result, made, options):
    """Has a child that listens make a call; how that went."""
    os.close(result[1])
    os.write(request[1], json.dumps({"call": made, **options}).encode() + b"\n")
    os.close(request[1])
    os.close(request[0])
    with open(result[0]) as lines:
        said = [json.loads(line) for line in lines]
    os.waitpid(child, 0)
    return said[1]


# fn(socket, address, length, result): connect() in a child that shares all memory.
VFORK_AND_CONNECT = bytes.fromhex(
    "4989c8"  # mov r8, rcx
    "b83a000000"  # mov eax, 58 (vfork)
    "0f05"  # syscall
    "85c0"  # test eax, eax
    "7513"  # jnz the end
    "b82a000000"  # mov eax, 42 (connect)
    "0f05"  # syscall
    "498900"  # mov [r8], rax
    "b83c000000"  # mov eax, 60 (exit)
    "31ff"  # xor edi, edi
    "0f05"  # syscall
    "c3"  # the end: ret
)


def machine_code(code, *types, flags=0):
    """A function made of machine code; its first type is what it returns."""
    memory = mmap.mmap(
        -1,
        mmap.PAGESIZE,
        mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | flags,
        mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC,
    )
    memory.write(code)
    function = ctypes.CFUNCTYPE(*types)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))
    function.memory = memory
    return function


def vfork(address, port=80):
    """connect() in a child of vfork(), then send()."""
    word, text = ctypes.c_long, ctypes.c_char_p
    code = machine_code(VFORK_AND_CONNECT, word, word, text, word, ctypes.POINTER(word))
    with socket.socket(family_of(address)) as sock:
        result = ctypes.c_long(1)
        where = endpoint(address, port)
        child = check_negative(code(sock.fileno(), where, len(where), ctypes.byref(result)))
        os.waitpid(child, 0)
        check_negative(result.value)
        sock.send(PAYLOAD)


def mixed_threads(addresses, rounds):
    """A thread for each address connects and sends to it, all at once; the results of each."""
    start = threading.Barrier(len(addresses))
    results = {address: set() for address in addresses}

    def one(address):
        with socket.socket(family_of(address), socket.SOCK_DGRAM) as sock:
            connect(sock, address, ECHO)
            sock.send(PAYLOAD)
        with socket.socket(family_of(address), socket.SOCK_DGRAM) as sock:
            where = endpoint(address, ECHO)
            if libc.sendto(sock.fileno(), PAYLOAD, len(PAYLOAD), 0, where, len(where)) < 0:
                raise OSError(ctypes.get_errno(), "sendto")

    def run(address):
        start.wait()
        for _ in range(rounds):
            results[address].add(str(outcome(one, address)))

    threads = [threading.Thread(target=run, args=(address,)) for address in addresses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"each": [sorted(results[address]) for address in addresses]}
