"""Event lines on flash, without what they all say: phrases become single bytes, and back, to the exact bytes.

The table is part of the flash's format: entries are added at its end, none is changed or taken away.
"""

_PHRASES = (
    b',"at":',
    b',"unsure":null,"kind":"',
    b',"unsure":',
    b',"kind":"',
    b'opened","road":"qr","verdict":"open","key_id":"',
    b'opened","road":"mqtt","verdict":"open","key_id":"',
    b'refused","road":"qr","verdict":"',
    b'refused","road":"mqtt","verdict":"',
    b'","key_id":"',
    b'","generation":',
    b',"count":',
    b',"clock":"lost"',
    b'fault","code":"',
    b'card_open","card":',
    b'policy","policy_version":',
    b'boot","board":"',
    b'","engine":"',
    b'","firmware":"',
    b'malformed"',
    b'inside_open"',
    b'closed"',
)
_CODES = (  # as many
    b"\x81", b"\x82", b"\x83", b"\x84", b"\x85", b"\x86", b"\x87", b"\x88", b"\x89", b"\x8a", b"\x8b", b"\x8c",
    b"\x8d", b"\x8e", b"\x8f", b"\x90", b"\x91", b"\x92", b"\x93", b"\x94", b"\x95",
)
SEQ = b"\x80"  # what stands between tag and seq
AT = _CODES[0]  # what stands behind seq
_TAG = 16


def _lead(log: str) -> bytes:
    return b' {"log":"' + log.encode() + b'","seq":'


def squeeze(line: bytes, log: str) -> bytes:
    """A line of this log, without its LF. All of its bytes are ASCII."""
    line = line.replace(_lead(log), SEQ, 1)
    for n in range(len(_PHRASES)):
        line = line.replace(_PHRASES[n], _CODES[n])
    return line


def stretch(packed: bytes, log: str) -> bytes:
    """The line again."""
    for n in range(len(_PHRASES) - 1, -1, -1):
        packed = packed.replace(_CODES[n], _PHRASES[n])
    return packed.replace(SEQ, _lead(log), 1)


def squeezed_kinds(*kinds: str) -> tuple:
    """What marks lines of these kinds once they are squeezed: one of these is in them, and in no others."""
    marks = []
    for kind in kinds:
        starts = [phrase for phrase in _PHRASES if phrase.startswith(kind.encode() + b'"')]
        if starts:
            marks += [_CODES[_PHRASES.index(phrase)] for phrase in starts]
        marks += [lead + kind.encode() + b'"' for lead in (_CODES[1], _CODES[3])]  # behind `"kind":"`
    return tuple(marks)


# A full journal gives these up first: what strangers can make a door write, at its scanner or by the broker, must not
# push out what happened. A refused policy is one of those.
_LIGHT = squeezed_kinds("refused", "clock", "power", "battery_low") + (b'"fault":"policy"',)


def is_light(packed: bytes) -> bool:
    """Whether a squeezed line is one of those."""
    for mark in _LIGHT:
        if mark in packed:
            return True
    return False


def seq_of(packed: bytes) -> int:
    """The seq of a squeezed line, 0 if it can't be one."""
    if packed[_TAG : _TAG + 1] != SEQ:
        return 0
    try:
        return int(packed[_TAG + 1 : packed.index(AT)])
    except ValueError:
        return 0
