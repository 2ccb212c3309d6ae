"""What a program says of itself or puts on the wire is what is judged: it cannot be forged."""

from harness import firewall
from harness.callers import PROGRAM, Caller

ADDRESS, OTHER = "2001:db8:113::10", "2001:db8:113::11"


def test_routes_by_socket_option_are_refused():
    caller = Caller()
    for option in (
        "IP_OPTIONS",
        "IPV6_RTHDR",
        "IPV6_2292RTHDR",
        "IPV6_2292PKTOPTIONS",
        "IPV6_FLOWLABEL_MGR",
    ):
        result = caller.call("set_option", option=option)
        assert result.errno == "EPERM", (option, result)


def test_routing_header_by_control_message_is_refused():
    firewall.add_rule(PROGRAM, "allow", "--addr", ADDRESS)
    caller = Caller()
    assert caller.call("sendto", ADDRESS).reply == "echo"
    for connected in (False, True):
        result = caller.call("send_routed", ADDRESS, through=OTHER, connected=connected)
        assert result.errno == "EPERM", (connected, result)
    # Other control messages are nobody's business.
    assert caller.call("send_with_hop_limit", ADDRESS).reply == "echo"


def test_program_cannot_pretend_to_run_another_executable():
    caller = Caller()
    assert caller.call("enter_user_namespace").errno is None
    result = caller.call("pretend", path="/usr/bin/curl")
    assert result.errno == "EPERM", result
    caller.start("connect", "203.0.113.10")
    assert firewall.prompt().subject.path == PROGRAM
