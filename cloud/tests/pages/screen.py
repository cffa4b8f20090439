"""A person before a browser, who reads the page's own words: in the catalogue of their language."""

from __future__ import annotations

import io

import zxingcpp
from PIL import Image
from playwright.sync_api import TimeoutError as TooLate

from lockmate.web.texts import catalogue

DESK = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
LOCALES = {"en": "en-GB", "zh-CN": "zh-CN"}
_UNTOLD = "\0"
_FITS = """() => document.body && [document.documentElement, ...document.querySelectorAll("dialog[open]")]
    .every((one) => one.scrollWidth <= one.clientWidth)"""
# A link that a script takes over must not be pressed before the script runs: the page is complete then.
_COMPLETE = """async (one) => {
    while (one.ownerDocument.readyState !== "complete") {
        await new Promise((done) => setTimeout(done, 5));
    }
}"""


class _Given(dict):
    def __missing__(self, key):
        return _UNTOLD


class Screen:
    """One person before one browser; what the browser complains of fails the test."""

    def __init__(self, browser, site, language="en", **context):
        self.site = site
        self.words = catalogue(language)
        options = {"base_url": site, "locale": LOCALES[language], "reduced_motion": "reduce", **context}
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(60_000)  # an upper bound: a busy machine is slow, not wrong
        self.page = self.context.new_page()
        self.complaints = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._heard)
        self.page.on("response", lambda answer: answer.status >= 500 and self.complaints.append(answer.url))

    def _heard(self, message):
        # a refused answer is told by the browser too; the pages' own tests look at those
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def opens(self, path):
        self.page.goto(path)
        return self.page

    def logs_in(self, name="anna@Lakeside"):
        page = self.opens("/desk/login")
        page.fill("[name=name]", name)
        page.fill("[name=password]", "correct horse")
        page.press("[name=password]", "Enter")
        page.wait_for_url("**/desk/")
        return page

    def decoded(self):
        """The one QR code in what the screen shows, read from its pixels."""
        return self._code(self.page.screenshot())

    def reads(self, place="canvas:visible"):
        """The text of the one QR code in a part of the page, read from its pixels."""
        part = self.page.locator(place).first
        part.wait_for()
        return self._code(part.screenshot()).text

    @staticmethod
    def _code(picture):
        found = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
        assert len(found) == 1, [code.text for code in found]
        return found[0]

    # --- in the words of the page

    def t(self, key, **facts):
        """A text of the catalogue."""
        return self.words[key].format(**facts)

    def says(self, text):
        """Waits until the page shows a text."""
        self.page.get_by_text(text, exact=False).first.wait_for()

    def sees(self, key, **facts):
        """Waits until the page shows a text of the catalogue; nothing of the page is wider than the screen.

        Of a text with facts that are not given, its longest part without them.
        """
        told = self.words[key].format_map(_Given(facts))
        self.says(max(told.split(_UNTOLD), key=len).strip())
        self.fits()

    def fits(self):
        """Nothing is wider than the screen; of the page that comes, if one is just coming."""
        try:
            self.page.wait_for_function(_FITS, timeout=10_000)
        except TooLate:
            raise AssertionError(f"{self.page.url} is wider than the screen") from None

    def presses(self, key, within=None, **facts):
        """Presses the (first) link or button of that name on the page."""
        self._press(within or self.page.locator("body"), self.t(key, **facts))

    def answers(self, key, **facts):
        """Presses the link or button of that name in the dialog that is open, or opens."""
        self._press(self.page.locator("dialog[open]"), self.t(key, **facts))

    @property
    def dialog(self):
        return self.page.locator("dialog[open]")

    @staticmethod
    def _press(place, name):
        button = place.get_by_role("button", name=name, exact=True)
        link = place.get_by_role("link", name=name, exact=True)
        found = button.or_(link).first
        found.evaluate(_COMPLETE)
        found.click()

    def closes(self):
        self.context.close()
        assert self.complaints == []
