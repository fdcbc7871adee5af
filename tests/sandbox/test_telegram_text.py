"""Telegram's HTML and the entities Telegram finds by itself."""

import pytest

from sandbox.telegram.arguments import Arguments
from sandbox.telegram.detect import with_found
from sandbox.telegram.errors import ApiError
from sandbox.telegram.markup import parse_html
from sandbox.telegram.texts import plain_words, read_words


def kinds(text: str) -> list[tuple[str, str]]:
    """The found entities as (kind, piece of text)."""
    units = text.encode("utf-16-le")
    return [
        (one["type"], units[one["offset"] * 2 : (one["offset"] + one["length"]) * 2].decode("utf-16-le"))
        for one in with_found(text, [])
    ]


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("<b>Hi</b> you", "Hi you", [("bold", 0, 2)]),
        ("<STRONG>Hi</STRONG>", "Hi", [("bold", 0, 2)]),
        ("<b>a<i>b</i></b>", "ab", [("bold", 0, 2), ("italic", 1, 1)]),
        ("😀<b>x</b>", "😀x", [("bold", 2, 1)]),
        ("<b></b>x", "x", []),
        ("&lt;b&gt; &amp; &quot;x&quot;", '<b> & "x"', []),
        ("&lt;b &amp;lt; &nbsp; &#33; &#x21;", "<b &lt; &nbsp; ! !", []),
        ("<code>a &lt; b</code>", "a < b", [("code", 0, 5)]),
        ('<pre><code class="language-py">x</code></pre>', "x", [("pre", 0, 1)]),
        ("<blockquote expandable>x</blockquote>", "x", [("expandable_blockquote", 0, 1)]),
        ('<span class="tg-spoiler">x</span>', "x", [("spoiler", 0, 1)]),
        ('<a href="https://a.example/?x=1&amp;y=2">go</a>', "go", [("text_link", 0, 2)]),
        ("<a href='https://a.example'>go</a>", "go", [("text_link", 0, 2)]),
        ('<a href="javascript:alert(1)">go</a>', "go", []),
        ("<u>a</><s>b</s>", "ab", [("underline", 0, 1), ("strikethrough", 1, 1)]),
        ("a > b", "a > b", []),
    ],
)
def test_html_becomes_text_and_entities(source: str, text: str, entities: list[tuple[str, int, int]]) -> None:
    found, made = parse_html(source)
    assert found == text
    assert [(one["type"], one["offset"], one["length"]) for one in made] == entities


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("x<", "Unclosed start tag at byte offset 1"),
        ("<b", "Unclosed start tag at byte offset 0"),
        ("<br>", 'Unsupported start tag "br" at byte offset 0'),
        ("é<p>x</p>", 'Unsupported start tag "p" at byte offset 2'),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ('<a href="x>y</a>', "Unclosed start tag at byte offset 0"),
        ('<a ="x">y</a>', 'Empty attribute name in the tag "a" at byte offset 0'),
        ("<a href=x/y>y</a>", "Unexpected end of name token at byte offset 8"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_wrong_html_is_refused_in_telegrams_words(source: str, error: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse_html(source)
    assert refused.value.code == 400
    assert refused.value.description == f"Bad Request: can't parse entities: {error}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see mug.shop now", [("url", "mug.shop")]),
        ("see mug.jpg now", []),
        ("Hello.World", [("url", "Hello.World")]),
        ("https://a.example/x?y=1, ok", [("url", "https://a.example/x?y=1")]),
        ("(https://a.example/x)", [("url", "https://a.example/x")]),
        ("https://a.example/x_(y)", [("url", "https://a.example/x_(y)")]),
        ("tg://user?id=1", [("url", "tg://user?id=1")]),
        ("write to ana@a.shop!", [("email", "ana@a.shop")]),
        ("@nordlicht_shop and @ab", [("mention", "@nordlicht_shop")]),
        ("/start /ops@my_bot a/b", [("bot_command", "/start"), ("bot_command", "/ops@my_bot")]),
        ("</b> 1/2", []),
        ("#broken #1 #größe", [("hashtag", "#broken"), ("hashtag", "#größe")]),
        ("$EUR $12 $x", [("cashtag", "$EUR")]),
        ("call +49 151 0000 1001", [("phone_number", "+49 151 0000 1001")]),
        ("order 1000123 of 2026-11-23", []),
        ("version 1.2.3.4", []),
        ("😀 a.shop", [("url", "a.shop")]),
        ("a\u200b.shop", []),
        ("mug.\u2060shop", []),
        ("a\u2060@bert", [("mention", "@bert")]),
        ("@\u2060bert", []),
        ("https://ana:x@a.shop/", [("url", "https://ana:x@a.shop/")]),
    ],
)
def test_telegram_finds_links_and_tags_by_itself(text: str, found: list[tuple[str, str]]) -> None:
    assert kinds(text) == found


def test_nothing_is_found_inside_code_and_links() -> None:
    text, entities = parse_html('<code>a.shop</code> <a href="https://x.example">b.shop</a> c.shop')
    assert [one["type"] for one in with_found(text, entities)] == ["code", "text_link", "url"]


def test_left_out_characters_move_the_entities_after_them() -> None:
    arguments = Arguments(values={"text": "😀\r\n<b>a\rb</b>\t.\u202e <i>c</i>", "parse_mode": "HTML"})
    words = read_words(arguments, lambda _: None)
    assert words.text == "😀\nab . c"
    assert [(one["type"], one["offset"], one["length"]) for one in words.entities] == [("bold", 3, 2), ("italic", 8, 1)]


def test_blanks_around_a_text_are_cut() -> None:
    assert plain_words("  \n hi there \n ").text == "hi there"
