"""As much of a browser as the check needs: cookies, links, forms, redirects; no scripts.

Built on the standard library, so that the story is played over real HTTP by something that knows
nothing of windflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from html.parser import HTMLParser
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

TIMEOUT = 20  # seconds for one answer


class NotFound(Exception):
    """The page has no such link, form or button."""


@dataclass
class Form:
    """One form: where it goes, what it holds, and the texts of its buttons with what each sends."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, dict[str, str]] = field(default_factory=dict)

    def add_button(self, label: str, attributes: dict[str, str]) -> None:
        name = attributes.get("name", "")
        self.buttons[label] = {name: attributes.get("value", "")} if name else {}


class _Reader(HTMLParser):
    """Collects forms and links in one pass."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.words: list[str] = []
        self._form: Form | None = None
        self._open: tuple[str, dict[str, str]] | None = None  # the tag whose text is being read
        self._text: list[str] = []
        self._select = ""
        self._by_id: dict[str, Form] = {}
        self._apart: list[tuple[str, dict[str, str]]] = []  # buttons outside their form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(found.get("action", ""), found.get("method", "get").lower())
            self.forms.append(self._form)
            self._by_id[found.get("id", "")] = self._form
        elif tag == "input":
            self._input(found)
        elif tag in {"textarea", "a", "button"}:
            self._open, self._text = (tag, found), []
        elif tag == "option" and self._form and "selected" in found:
            self._form.fields[self._select] = found.get("value", "")
        elif tag == "select":
            self._select = found.get("name", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif self._open and tag == self._open[0]:
            self._close(*self._open, text="".join(self._text))
            self._open = None

    def handle_data(self, data: str) -> None:
        self._text.append(data)
        self.words.append(data)

    def _input(self, found: dict[str, str]) -> None:
        kind, name, value = found.get("type", "text"), found.get("name", ""), found.get("value", "")
        if kind == "submit":
            self._button(value, found)
        elif self._form and name and (kind not in {"checkbox", "radio"} or "checked" in found):
            self._form.fields[name] = value or ("on" if kind == "checkbox" else "")

    def _close(self, tag: str, found: dict[str, str], *, text: str) -> None:
        label = " ".join(text.split())
        if tag == "a":
            self.links.setdefault(label, found.get("href", ""))
        elif tag == "textarea" and self._form:
            self._form.fields[found.get("name", "")] = text.removeprefix("\n")
        elif tag == "button" and found.get("type", "submit") == "submit":
            self._button(label, found)

    def _button(self, label: str, found: dict[str, str]) -> None:
        if "form" in found:
            self._apart.append((label, found))
        elif self._form:
            self._form.add_button(label, found)

    def close(self) -> None:
        super().close()
        for label, found in self._apart:
            if form := self._by_id.get(found["form"]):
                form.add_button(label, found)


class Page:
    """One answer."""

    def __init__(self, url: str, status: int, headers: Message, html: str) -> None:
        self.url = url
        self.status = status
        self.headers = headers
        self.html = html
        reader = _Reader()
        reader.feed(html)
        reader.close()
        self.forms = reader.forms
        self.links = reader.links
        self.text = " ".join(" ".join(reader.words).split())

    def link(self, label: str) -> str:
        """The absolute address behind the link that says ``label``."""
        if label not in self.links:
            raise NotFound(f"{self.url} has no link {label!r}; it has {sorted(self.links)}.")
        return urljoin(self.url, self.links[label])

    def form(self, button: str) -> Form:
        """The form that has this button."""
        for form in self.forms:
            if button in form.buttons:
                return form
        labels = sorted(label for form in self.forms for label in form.buttons)
        raise NotFound(f"{self.url} has no button {button!r}; it has {labels}.")


class Browser:
    """One person's browser: keeps cookies, follows redirects, never raises for a status."""

    def __init__(self) -> None:
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()), ProxyHandler({}))

    def get(self, url: str) -> Page:
        return self._open(Request(url))  # noqa: S310 - the check's own server

    def head(self, url: str) -> Page:
        return self._open(Request(url, method="HEAD"))  # noqa: S310

    def post(self, page: Page, fields: Mapping[str, str]) -> Page:
        """Send ``fields`` to the address of ``page``, as a form on it would."""
        return self._open(_post(page.url, fields, page))

    def press(self, page: Page, button: str, values: Mapping[str, str] | None = None) -> Page:
        """Fill the form that has ``button`` with ``values``, and press it.

        Raises :class:`NotFound` for a button or a field that the page does not have.
        """
        form = page.form(button)
        unknown = set(values or {}) - set(form.fields)
        if unknown:
            raise NotFound(f"{page.url} has no field {sorted(unknown)}; it has {[*form.fields]}.")
        fields = {**form.fields, **(values or {}), **form.buttons[button]}
        target = urljoin(page.url, form.action)
        if form.method == "post":
            return self._open(_post(target, fields, page))
        return self.get(f"{target}?{urlencode(fields)}")

    def _open(self, request: Request) -> Page:
        try:
            answer: HTTPResponse | HTTPError = self._opener.open(request, timeout=TIMEOUT)
        except HTTPError as error:
            answer = error
        with answer:
            body = answer.read().decode("utf-8", "replace")
            return Page(answer.url, answer.status or 0, answer.headers, body)


def _post(url: str, fields: Mapping[str, str], page: Page) -> Request:
    """What browsers send with a form: where it comes from, as far as its page lets them say."""
    private = page.headers["Referrer-Policy"] == "no-referrer"
    parts = urlsplit(page.url)
    headers = {
        "Origin": "null" if private else f"{parts.scheme}://{parts.netloc}",
        "Sec-Fetch-Site": "same-origin",
        **({} if private else {"Referer": page.url}),
    }
    return Request(url, urlencode(fields).encode(), headers)  # noqa: S310
