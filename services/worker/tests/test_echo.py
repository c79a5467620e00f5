"""What comes back of a secret is its name."""

from hypothesis import given, settings
from hypothesis import strategies as st

from grace.worker.domain.echo import parts_of, state_without, without
from grace.worker.domain.state import text_of

SECRET = "canary-7f3a91"
KEY = "-----BEGIN KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\nshort\n-----END KEY-----\n"


def known(value: str, name: str = "shop-api") -> dict[str, str]:
    return dict.fromkeys(parts_of(value), name)


def test_a_secret_is_replaced_wherever_it_stands() -> None:
    state = {"says": f"a {SECRET} b", "deep": [{"x": SECRET, SECRET: 1}], "n": 4, "ok": True}
    shown = "[secret shop-api]"
    assert state_without(state, known(SECRET)) == {
        "says": f"a {shown} b",
        "deep": [{"x": shown, shown: 1}],
        "n": 4,
        "ok": True,
    }


def test_a_secret_of_digits_does_not_come_back_as_a_number() -> None:
    assert state_without({"value": 12345678.0, "n": 12345679}, known("12345678")) == {
        "value": "[secret shop-api]",
        "n": 12345679,
    }


def test_a_long_line_of_a_secret_with_several_is_hidden_alone() -> None:
    said = without("it says MC4CAQAwBQYDK2VwBCIEIA and short", known(KEY))
    assert said == "it says [secret shop-api] and short"


def test_of_two_secrets_the_longer_goes_first() -> None:
    both = known(SECRET, "a") | known(f"{SECRET}-more", "b")
    assert without(f"{SECRET}-more {SECRET}", both) == "[secret b] [secret a]"


@settings(max_examples=60)
@given(
    st.text(max_size=20), st.text(max_size=20), st.text("0123456789xyz", min_size=8, max_size=20)
)
def test_no_state_tells_one(left: str, right: str, secret: str) -> None:
    shown = state_without({"a": left + secret + right, "b": [secret]}, known(secret))
    assert secret not in text_of(shown)
