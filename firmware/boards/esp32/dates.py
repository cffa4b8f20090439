"""Unix seconds to calendar and back, right past 2038 and where ints are 32 bits (Gregorian, 1970 to 2199)."""

_DAY = 86_400


def days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01; years counted from March, so that a leap day is the last."""
    if month < 3:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719_469


def seconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """Unix seconds of a date in UTC."""
    return days(year, month, day) * _DAY + hour * 3_600 + minute * 60 + second


def date(at: int) -> tuple[int, int, int, int, int, int, int]:
    """(year, month, day, hour, minute, second, weekday: Monday is 0) of Unix seconds."""
    count, rest = at // _DAY, at % _DAY
    year = 1970 + count // 366
    while days(year + 1, 1, 1) <= count:
        year += 1
    month = 12
    while days(year, month, 1) > count:
        month -= 1
    day = count - days(year, month, 1) + 1
    return year, month, day, rest // 3_600, rest // 60 % 60, rest % 60, (count + 3) % 7
