"""Looks into texts for what does not belong there: secrets, and words for programs. Hand-written.

A secret in a text that is kept is one for everybody who may read it, in a log that nobody can change
for good. Found are forms that say by themselves what they are, as their issuers document them; any
other password looks like a word, and is found only where its name stands beside it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

_SHOWN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
# What stands where a secret would: stars, a name to be filled in, a word of a manual.
_PLACEHOLDER = re.compile(
    r"[*x.#_-]+|\$\{[^}]*\}|(?-i:\$[A-Z_][A-Z0-9_]*)|<[^>]*>|\[[^\]]*\]?|%\w+%|\{\{.*|null|none|true|false"
    r"|redacted|hidden|password|passwd|pass|secret|changeme|example",
    re.IGNORECASE,
)
# Behind an address a number is a port, with whatever follows it.
_PORT = re.compile(r"\d{1,5}(?:[,;@].*)?")
_PEM = "-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
_TELLING = (
    r"(?:pass(?:word|wd|phrase)|pwd|(?:api|access|secret|private)[_-]?key"
    r"|(?:auth|access|refresh|id)[_-]?token)"
)
_NAMES = rf"(?:{_TELLING}|secret)"


@dataclass(frozen=True, slots=True)
class Form:
    """A way in which something is written. It needs one of `signs`, which are cheap to look for.

    A sign without capitals stands for itself in any case.

    The group `secret` of the pattern is the secret; without one it is all of the match. `vague`: it
    may be a word as well, so that a text is cleaned of it but never refused for it.
    """

    kind: str
    signs: tuple[str, ...]
    pattern: re.Pattern[str]
    vague: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """Where something is, and of which kind. Neither part repeats it."""

    where: str
    kind: str


def _form(kind: str, signs: str, pattern: str, *, vague: bool = False) -> Form:
    return Form(kind, tuple(signs.split(" ")), re.compile(pattern), vague)


# What may stand in a token may not stand in front of it: a text has no more places to begin at than
# tokens, and so none takes more steps than a few for each character. But escapes end in letters, too:
# of JSON within a text, of a URL, of a terminal.
_WORD = r"[A-Za-z0-9_-]"
_ALONE = (
    rf"(?:(?<!{_WORD})|(?<=\\[nrt])|(?<=%[0-9A-Fa-f][0-9A-Fa-f])|(?<=\x1b\[m)|(?<=\x1b\[[0-9]m)"
    r"|(?<=\x1b\[[0-9][0-9]m)|(?<=\x1b\[[0-9];[0-9][0-9]m))"
)
SECRETS: Final = (
    # To its end; where that was cut off, as many lines of base64 as follow.
    _form(
        "private key",
        "private key",
        rf"{_PEM}(?:[^-]*(?:-(?!----)[^-]*)*-----END [A-Z0-9 ]{{1,80}}-----"
        r"|(?:\s|\\[nr])*(?:[A-Za-z0-9+/=]{16,80}(?:\s|\\[nr])*)+)",
    ),
    _form("AWS access key", "AKIA ASIA", rf"{_ALONE}A[KS]IA[A-Z0-9]{{16}}(?!{_WORD})"),
    _form("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", rf"{_ALONE}gh[pousr]_[A-Za-z0-9]{{36,255}}"),
    _form("GitHub token", "github_pat_", rf"{_ALONE}github_pat_[A-Za-z0-9_]{{22,255}}"),
    _form("GitLab token", "glpat-", rf"{_ALONE}glpat-{_WORD}{{20,255}}"),
    _form("Slack token", "xox", rf"{_ALONE}xox[abeprs]-[A-Za-z0-9-]{{10,255}}"),
    _form("Stripe key", "k_live_", rf"{_ALONE}[sr]k_live_[A-Za-z0-9]{{16,255}}"),
    _form("Google API key", "AIza", rf"{_ALONE}AIza{_WORD}{{35}}(?!{_WORD})"),
    _form("Vault token", "hvs. hvb.", rf"{_ALONE}hv[sb]\.{_WORD}{{24,255}}"),
    _form("npm token", "npm_", rf"{_ALONE}npm_[A-Za-z0-9]{{36}}(?!{_WORD})"),
    _form("PyPI token", "pypi-", rf"{_ALONE}pypi-{_WORD}{{60,255}}"),
    _form("NATS seed", "SU SA SO SN SC SX", rf"{_ALONE}S[UAONCX][A-Z2-7]{{56}}(?!{_WORD})"),
    _form("Grace key", "grace_", rf"{_ALONE}grace_{_WORD}{{43}}(?!{_WORD})"),
    _form("JWT", "eyJ", rf"{_ALONE}eyJ{_WORD}{{8,4096}}\.eyJ{_WORD}{{4,4096}}\.{_WORD}{{8,1024}}"),
    # To the last @, which nobody escapes in a password; a digest of an image is none.
    _form(
        "URL password",
        "://",
        r"://[^\s/:@\"'<>]{0,128}:(?P<secret>[^\s/\"'<>]{1,256})@(?!sha256:)",
    ),
    # Before what has a name: `token: Bearer ..` is both.
    _form(
        "HTTP credentials",
        "bearer basic",
        r"(?i)\b(?:bearer|basic)\s{1,8}(?P<secret>(?=[A-Z._~+/-]{0,255}[0-9])[A-Z0-9._~+/-]{16,4096}={0,2})",
        vague=True,
    ),
    _form(
        "password",
        "pass pwd secret key token",
        rf"(?i){_NAMES}\\{{0,4}}[\"']?\s{{0,8}}[=:]\s{{0,8}}\\{{0,4}}[\"']?(?!(?:bearer|basic)\b)"
        r"(?P<secret>[^\s\"',;&\\]{4,256})",
        vague=True,
    ),
)
SUSPICIONS: Final = (
    _form("markup", "<script <iframe javascript:", r"(?i)<(?:script|iframe)\b|javascript:"),
    _form("shell", "$( `", r"\$\([^()]{1,256}\)|`[^`]{1,256}`"),
    _form("shell", ";", r";\s{0,8}(?:rm|curl|wget|nc|bash|sh)\s"),
    _form(
        "SQL", "'", r"(?i)'\s{0,8}(?:;\s{0,8}(?:drop|delete|update)\s|union\s{1,8}(?:all\s|select))"
    ),
    _form("SQL", "'", r"(?i)'\s{0,8}(?:or|and)\s{1,8}'?\w{1,32}'?\s{0,8}="),
    _form("lookup", "${", r"(?i)\$\{(?:jndi|env|sys|lower|upper):"),
    _form("path", "../ ..\\", r"(?:\.\.[/\\]){2}"),
    _form(
        "instruction",
        "ignore disregard forget",
        r"(?i)\b(?:ignore|disregard|forget)\s(?:all\s|any\s|the\s|your\s){0,2}"
        r"(?:previous|prior|above|earlier)\s(?:instruction|prompt|rule|message)",
    ),
)
KINDS: Final = tuple(dict.fromkeys(form.kind for form in SECRETS))
SUSPECTED: Final = tuple(dict.fromkeys(form.kind for form in SUSPICIONS))
_NAMED: Final = "password"
_OF_A_URL: Final = "URL password"
# A label that is `secret` and no more names an object of Kubernetes.
_A_NAME = re.compile(rf"(?i).{{0,64}}{_TELLING}|.{{1,64}}secret")
_CLEAR: Final = tuple(form for form in SECRETS if not form.vague)


def has_secret(text: str) -> bool:
    """Whether a text may hold a secret whose form leaves no doubt; `secret_in` says where."""
    return next(_clear_kinds(text), None) is not None


def secret_in(value: object, where: str) -> Finding | None:
    """Return the first secret of a JSON value, keys included, whose form leaves no doubt."""
    return next(_secrets(value, where), None)


def suspected_in(text: str) -> frozenset[str]:
    """Return the kinds of words for programs (`SUSPECTED`) that are in a text.

    They are no reason to refuse anything: nothing that Grace is told becomes part of a program.
    """
    return frozenset(form.kind for form in _possible(SUSPICIONS, text) if form.pattern.search(text))


def cleaned(text: str, found: list[str], *, vague: bool = True) -> str:
    """Return a text with a mark in the place of each secret; the kinds of those go to `found`."""
    for form in _possible(SECRETS if vague else _CLEAR, text):
        text = form.pattern.sub(partial(_marked, form.kind, found), text)
    return text


def cleaned_json(value: object, found: list[str], *, vague: bool = True) -> object:
    """Return a JSON value, cleaned like a text. `vague`: also what stands under a telling name."""
    match value:
        case str():
            return cleaned(value, found, vague=vague)
        case list():
            return [cleaned_json(each, found, vague=vague) for each in value]
        case dict():
            return {
                cleaned(key, found, vague=vague): _under(key, each, found, vague=vague)
                for key, each in value.items()
            }
        case _:
            return value


def _under(key: str, value: object, found: list[str], *, vague: bool) -> object:
    if not vague or _A_NAME.fullmatch(key) is None:
        return cleaned_json(value, found, vague=vague)
    match value:
        case list():
            return [_under(key, each, found, vague=vague) for each in value]
        case bool():
            return value
        case str() | int() | float() if not _is_placeholder(str(value)):
            found.append(_NAMED)
            return _mark(_NAMED)
        case _:
            return cleaned_json(value, found, vague=vague)


def _secrets(value: object, where: str) -> Iterator[Finding]:
    match value:
        case str():
            yield from (Finding(where, kind) for kind in _clear_kinds(value))
        case list():
            for place, each in enumerate(value):
                yield from _secrets(each, f"{where}.{place}")
        case dict():
            for key, each in value.items():
                yield from (Finding(where, kind) for kind in _clear_kinds(key))
                yield from _secrets(each, f"{where}.{key if _SHOWN.fullmatch(key) else '*'}")


def _clear_kinds(text: str) -> Iterator[str]:
    for form in _possible(_CLEAR, text):
        if any(_is_secret(form.kind, match) for match in form.pattern.finditer(text)):
            yield form.kind


def _possible(forms: Iterable[Form], text: str) -> Iterator[Form]:
    """Leave out what cannot be there: most texts hold nothing, and a search for a word is cheap."""
    folded = text.lower()
    return (
        form
        for form in forms
        if any(sign in (folded if sign == sign.lower() else text) for sign in form.signs)
    )


def _marked(kind: str, found: list[str], match: re.Match[str]) -> str:
    if not _is_secret(kind, match):
        return match[0]
    found.append(kind)
    start, end = match.span("secret" if "secret" in match.re.groupindex else 0)
    at = match.start()
    return match[0][: start - at] + _mark(kind) + match[0][end - at :]


def _is_secret(kind: str, match: re.Match[str]) -> bool:
    named: Mapping[str, str] = match.groupdict()
    secret = named.get("secret", match[0])
    is_port = kind == _OF_A_URL and _PORT.fullmatch(secret) is not None
    return not is_port and not _is_placeholder(secret)


def _is_placeholder(secret: str) -> bool:
    return _PLACEHOLDER.fullmatch(secret) is not None


def _mark(kind: str) -> str:
    return f"[removed: {kind}]"
