"""Markdown that people wrote never becomes markup that acts."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest
from django.utils.safestring import SafeString
from hypothesis import given
from hypothesis import strategies as st

from windflow.markup import render

HARMLESS = {
    *("a", "blockquote", "br", "code", "del", "em", "h3", "h4", "hr", "li", "ol", "p", "pre"),
    *("strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}

TEXT_ONLY = {"title", "lang"}  # attributes that do nothing

ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<object data=data:text/html,<script>alert(1)</script>></object>",
    "<embed src=x>",
    "<form action=//evil.example><input name=a><button>Approve</button></form>",
    "<style>body{display:none}</style>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example/>",
    "<p style='position:fixed;inset:0'>over all</p>",
    "<p class=approve id=csrf data-x=1>x</p>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=' \t\njavascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href='java&#x0A;script:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='vbscript:x'>x</a>",
    "<a href=# onclick=alert(1) target=_blank>x</a>",
    "[x](javascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](https://ok.example 'a\" onmouseover=\"alert(1)')",
    "![pixel](https://evil.example/seen.gif)",
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    "`<script>alert(1)</script>`",
    "    <script>alert(1)</script>",
    "<!-- --><script>alert(1)</script><!-- -->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?><script>alert(1)</script>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea><script>alert(1)</script></textarea>",
    "<template><script>alert(1)</script></template>",
    "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
    "> <script>alert(1)</script>",
    "\x00<script\x00>alert(1)</script>",
    "<a href='https://ok.example\\' onclick='alert(1)'>x</a>",
]


class Tags(HTMLParser):
    """What a browser would make of it: every tag with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        self.found.append((f"<!--{data}", {}))

    def unknown_decl(self, data: str) -> None:
        self.found.append((f"<![{data}", {}))


def assert_harmless(html: str) -> None:
    for tag, attributes in Tags(html).found:
        assert tag in HARMLESS
        assert attributes.keys() <= TEXT_ONLY | ({"href", "rel"} if tag == "a" else set())
        scheme = re.match(r"\s*([a-z][a-z0-9+.-]*):", attributes.get("href") or "", re.I)
        assert scheme is None or scheme[1].lower() in {"http", "https", "mailto"}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_leaves_nothing_that_acts(attack: str) -> None:
    assert_harmless(render(attack))
    assert_harmless(render(f"Please *approve* {attack} **today**"))


@given(st.text(max_size=200))
def test_no_text_leaves_anything_that_acts(text: str) -> None:
    assert_harmless(render(text))


@given(st.lists(st.sampled_from([*ATTACKS, *"[]()<>'\"`*_\n"]), max_size=6).map("".join))
def test_no_mix_of_attacks_leaves_anything_that_acts(text: str) -> None:
    assert_harmless(render(text))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000,
        "![" * 20_000,
        "<a " * 20_000,
        "<![CDATA[" * 5_000,
        "<script>" * 5_000,
        "word " * 50_000,
        "- " * 5_000 + "lists in lists",
    ],
    ids=lambda text: text[:12],
)
def test_a_text_that_would_keep_the_parser_busy_is_shown_as_it_is(text: str) -> None:
    began = time.process_time()
    html = render(text)
    assert time.process_time() - began < 5
    assert_harmless(html)
    assert html.startswith("<p>")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**bold** and *soft*", "<p><strong>bold</strong> and <em>soft</em></p>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>"),
        ("### Costs", "<h3>Costs</h3>"),
        ("1 < 2 & 3 > 2", "<p>1 &lt; 2 &amp; 3 &gt; 2</p>"),
        ("", ""),
    ],
)
def test_plain_markdown_is_rendered(text: str, html: str) -> None:
    assert render(text) == html


def test_a_table_is_a_table() -> None:
    assert "<td>1,240.00</td>" in render("| Amount |\n|---|\n| 1,240.00 |")


def test_a_link_opens_and_tells_the_other_site_nothing() -> None:
    link = render("[receipt](https://files.example/1.pdf)")
    assert 'href="https://files.example/1.pdf"' in link
    assert 'rel="noopener noreferrer nofollow"' in link


def test_the_result_is_marked_safe_so_that_templates_do_not_escape_it() -> None:
    assert isinstance(render("x"), SafeString)
