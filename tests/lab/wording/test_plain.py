"""What somebody typed stays what it is in a sentence, and every character in it can be seen."""

from __future__ import annotations

from lab.components.text_view import stand_ins
from lab.wording.plain import plain, plain_but_code, quoted, unmarked


def test_markdown_stays_text() -> None:
    assert plain("a*b_c[d]") == r"a\*b\_c\[d\]"


def test_an_address_becomes_no_link() -> None:
    assert plain("https://a WWW.a e@a") == ("https\\:\u2060\\/\\/a WWW\u2060\\.a e\u2060\\@a")


def test_a_text_turns_no_line_around_and_hides_nothing() -> None:
    assert plain("a\u202eb\x1bc\x00") == "a⬚b␛c␀"


def test_a_sentence_is_said_without_its_marks() -> None:
    name = r"a*b**c\d [e](https://f) :red[g]"
    assert unmarked(f"**{plain(name)}** learns") == f"{name} learns"


def test_a_command_in_a_message_stays_code_and_all_else_plain() -> None:
    said = plain_but_code("*No* run; `python -m core runs` lists_them (`a*b`).")
    assert said == r"\*No\* run\; `python -m core runs` lists\_them \(`a*b`\)\."
    assert plain_but_code("a `b c*") == r"a \`b c\*"
    assert plain_but_code("`a`") == "`a`" and plain_but_code("` `` ``` `a ` ") == plain(
        "` `` ``` `a ` "
    )


def test_a_backtick_in_a_name_begins_no_code() -> None:
    said = plain_but_code("no 'a`b', there are c`*d*`e; `runs x`")
    assert said == plain("no 'a`b', there are c`*d*`e; ") + "`runs x`"


def test_characters_in_a_sentence_are_quoted_and_named_where_they_cannot_be_seen() -> None:
    assert quoted("a \n") == "‘a’, ‘␣’, ‘↵’"
    assert quoted("\u00a0") == r"‘⍽’ \(U\+00A0 no\-break space\)"
    assert quoted("\u200b") == r"‘⬚’ \(U\+200B zero width space\)"
    assert quoted("abcd", at_most=2) == "‘a’, ‘b’ and others"


def test_in_a_text_what_takes_no_ink_has_its_sign_before_it() -> None:
    assert stand_ins("a b\tc") == {}
    assert stand_ins("a\u00a0b\x1b\u200b\n") == {1: "⍽", 3: "␛", 4: "⬚", 5: "↵"}


def test_a_mark_gets_a_circle_only_where_it_has_nothing_to_sit_on() -> None:
    assert stand_ins("e\u0301") == {}
    assert stand_ins("\u0301e \u0301\u200b\u0301") == {0: "◌", 3: "◌", 4: "⬚", 5: "◌"}
