"""What the demo tells people once it runs: addresses, the log-in, and what to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.hotel.opening import ACCOUNT, NAME, PASSWORD

if TYPE_CHECKING:
    from tools.hotel.house import House

_WELCOME = """
{name}

  Front desk     {web}/desk/      name: {account}   password: {password}
  Virtual doors  {doors}

What to try:
  1. Log in at the front desk. Under Arrivals take an order, give it room 801 or 802 and press the lock button.
  2. Show the desk's QR. Scan it as the guest would: drop a screenshot of it on "The guest's phone" under Virtual
     doors. Type a phone number there; the same short code shows on both sides. Confirm it at the desk, check in.
  3. Drop a screenshot of the card's QR on its door under Virtual doors: it opens, and the open shows at the desk's
     page of that door. Pull the door's cable and try again: it still opens.
  4. Check the guest out, and scan the same QR again: refused.

试一试：前台登录 → 今日预抵 → 安排 801 或 802 房 → 点门锁按钮；把前台二维码截图拖到“虚拟门”页的“客人的手机”，领取
  电子房卡，前台核对验证码与手机尾号后确认并办理入住；把房卡二维码截图拖到对应的门即可开门，拔掉网线同样能开；
  退房后再扫则被拒绝。

Ctrl-C ends everything. Data and logs: {data}. `make run FRESH=1` starts anew."""


def welcome(house: House, kept: bool) -> str:
    """The text; kept: the hotel was there before."""
    text = _WELCOME.format(name=NAME, web=house.web_url, doors=house.doors_url, account=ACCOUNT, password=PASSWORD,
                           data=house.data)
    return text + ("\nStays, keys and doors are those of the last run." if kept else "")
