"""What lights and sounds are made of: each name of the firmware as colours, milliseconds and tones."""

# parts of full brightness, red, green, blue
COLOURS = {
    "green": (0, 100, 0),
    "red": (100, 0, 0),
    "amber": (100, 35, 0),
    "blue": (0, 0, 100),
    "white": (80, 80, 80),
}

# (milliseconds, brightness in parts of a hundred), again and again
PATTERNS = {
    "steady": ((1_000, 100),),
    "blink": ((250, 100), (250, 0)),
    "twice": ((120, 100), (120, 0), (120, 100), (640, 0)),
    "slow": ((1_000, 100), (500, 0)),
    "pulse": ((400, 100), (1_600, 5)),
    "dim": ((1_000, 4),),
    "off": ((1_000, 0),),
}

# (hertz, milliseconds); 0 hertz is silence
SOUNDS = {
    "open": ((1_320, 90), (1_760, 160)),
    "done": ((1_760, 80), (0, 60), (1_760, 80)),
    "refused": ((330, 350),),
    "wrong_room": ((660, 90), (0, 90), (660, 90)),
    "early": ((440, 120), (660, 120), (880, 120)),
    "late": ((880, 120), (660, 120), (440, 240)),
    "clock": ((880, 80), (0, 80), (880, 80), (0, 80), (880, 80)),
    "fault": ((220, 700),),
}
