"""The inner loop of Base45 in native code: right on machine words of any size."""

import micropython


@micropython.viper
def decode(out: ptr8, text: ptr8, values: ptr8, bounds: int) -> int:
    """Three characters of `text` -> two bytes of `out`, again and again; gives 1, or 0 if any three stand for nothing.

    bounds: how often, and 65536 times the place of the first character. values: a character's value, 255 for one that
    has none. Values are below 45, so bit 7 of `wrong` tells; a number above 65535 reaches it too, nine bits down.
    """
    text = ptr8(int(text) + (bounds >> 16))
    count = bounds & 65535
    wrong = 0
    while count:
        low = values[text[0]]
        middle = values[text[1]]
        high = values[text[2]]
        number = 2025 * high + 45 * middle + low
        wrong |= number >> 9 | high | middle | low
        out[0] = number >> 8
        out[1] = number
        out = ptr8(int(out) + 2)
        text = ptr8(int(text) + 3)
        count -= 1
    return int(wrong < 128)
