"""Addresses of servers and databases as people may see them: without passwords, tokens and the like.

Whatever is printed, stored or sent passes through here. What cannot be read for certain is not shown: a password
with a `/` or an `@` in it moves everything behind it to another place of the URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus, urlsplit

HIDDEN = "***"
SHOWN_KEYS = frozenset({
    "application_name", "cache", "charset", "check_same_thread", "client_encoding", "connect_timeout", "driver", "host",
    "isolation_level", "mode", "port", "ssl", "sslmode", "target_session_attrs", "timeout",
})  # fmt: skip
"""What may be seen of a URL's query; everything else may be a secret."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,39}")
_HOST = re.compile(r"[\w.\-,]+|[0-9A-Fa-f:.]+(%\w+)?")
_VALUE = re.compile(r"[\w.,:/\-]{0,80}")
_ASSIGNED = re.compile(r"(pass\w*|pwd|token|secret|key|credential\w*)\s*=", re.IGNORECASE)
_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,39}://")
_SHORTEST = 3
"""Letters of a part of a secret that is looked for in a text: shorter ones are in every word."""


def without_secrets(url: str) -> str:
    """The address without what gives access: the scheme alone where it cannot be read for certain.

    A path is left as it is. postgresql://me:secret@host/db becomes postgresql://me:***@host/db.
    """
    scheme, found, rest = url.partition("://")
    if not found:
        return _without_scheme(url)
    if not _SCHEME.fullmatch(scheme):
        return HIDDEN
    if not re.search(r"[@?#:;%\[\]\s]", rest) and not _ASSIGNED.search(rest):
        return url
    if scheme.lower().startswith("sqlite") and rest.startswith("/"):  # a path, which may hold any sign
        path, _, query = url.partition("?")
        return path + _query(query, has_fragment=False)
    shown = _of_server(url) if scheme.lower() in ("http", "https") else _of_database(url)
    return f"{scheme}://{HIDDEN}" if shown is None else shown


def holds_secret(url: str) -> bool:
    """Whether an address gives access to whoever reads it; the name of a database's user alone does not."""
    named = re.fullmatch(r"(?!http)[\w+.\-]+://([^:/@?#\s]+)@[^@?#]*", url)
    return without_secrets(url) != url and (named is None or named[1] == HIDDEN)


def is_certain(shown: str) -> bool:
    """Whether an address without secrets still tells two places apart."""
    return shown != HIDDEN and not shown.endswith(f"://{HIDDEN}")


def text_without_secrets(text: str, *urls: str) -> str:
    """A text of somebody else's, such as an error of a library, without the secrets of any URL in it.

    urls: those the text is likely to be about; their secrets are found in pieces and in any spelling, too.
    """
    for url in urls:
        shown = without_secrets(url)
        if shown != url:
            text = text.replace(url, shown)
            for piece in sorted(_pieces(url), key=len, reverse=True):
                text = text.replace(piece, HIDDEN)
    return "\n".join(map(_line_without_secrets, text.split("\n")))


def _line_without_secrets(line: str) -> str:
    starts = [match.start() for match in _IN_TEXT.finditer(line)]
    if not starts:
        return line
    parts = [line[: starts[0]]]
    for start, end in zip(starts, [*starts[1:], len(line)], strict=True):
        parts.append(_segment_without_secrets(line[start:end]))
    return "".join(parts)


def _segment_without_secrets(segment: str) -> str:
    """From one scheme to the next, or to the line's end: nobody knows where a URL with a space in it ends."""
    word = re.match(r"[^\s\"'<>`]*[^\s\"'<>`).,;:!?\]}]", segment)
    url = word[0] if word else segment
    if "@" in segment[len(url) :]:
        return f"{segment.partition('://')[0]}://{HIDDEN}@{segment.rpartition('@')[2]}"
    return without_secrets(url) + segment[len(url) :]


def _without_scheme(text: str) -> str:
    """A path, or a URL that somebody wrote badly."""
    if _ASSIGNED.search(text) or (not _is_path(text) and "@" in text):
        scheme, found, _ = text.partition(":")
        return f"{scheme}:{HIDDEN}" if found and scheme.lower() in _KNOWN else HIDDEN
    return text


def is_badly_written(text: str) -> bool:
    """Whether something is neither a path for certain nor an address: its secrets would become a file's name."""
    is_address = "://" in text
    return not is_address and not _is_path(text) and (text.partition(":")[0].lower() in _KNOWN or "@" in text)


def _is_path(text: str) -> bool:
    return text.startswith((".", "/", "~")) and not text.startswith("//")


_KNOWN = frozenset({
    "databricks", "file", "http", "https", "mssql", "mysql", "oracle", "postgres", "postgresql", "redis", "rediss",
    "sqlite",
})  # fmt: skip


def _of_server(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if not _HOST.fullmatch(host) or "@" in parts.path or _ASSIGNED.search(parts.path):
        return None
    host = f"[{host}]" if ":" in host else host
    user = f"{HIDDEN}@" if "@" in parts.netloc else ""
    path = parts.path.partition(";")[0]
    return f"{parts.scheme}://{user}{host}{'' if port is None else f':{port}'}{path}" + _query(
        parts.query, has_fragment=bool(parts.fragment)
    )


def _of_database(url: str) -> str | None:
    from sqlalchemy.engine.url import make_url
    from sqlalchemy.exc import ArgumentError

    query = url.partition("?")[2]
    try:
        made = make_url(url)
    except (ArgumentError, ValueError):
        return None
    has_user = made.username is not None or made.password is not None
    if url.count("@") > int(has_user):  # a password that was not quoted: what looks like the host is a part of it
        return None
    if made.host is not None and not _HOST.fullmatch(made.host):
        return None
    if has_user:  # the question mark may be the password's
        query = url.rpartition("@")[2].partition("?")[2]
    place = made.database or ""
    if "\n" in url or _ASSIGNED.search(place) or _ASSIGNED.search(made.username or ""):
        return None
    fragment = False
    if made.get_backend_name() != "sqlite" and "#" in place:
        place, _, _ = place.partition("#")
        fragment = True
    user = f"{_user(made.username, made.password)}@" if has_user else ""
    host = "" if made.host is None else f"[{made.host}]" if ":" in made.host else made.host
    port = "" if made.port is None else f":{made.port}"
    database = "" if made.database is None else f"/{place}"
    return f"{made.drivername}://{user}{host}{port}{database}" + _query(query, has_fragment=fragment)


def _user(name: str | None, password: object) -> str:
    if password is None or not name:
        return HIDDEN if password is None else f":{HIDDEN}"  # a name alone may be a token
    return f"{quote(name, safe=' +')}:{HIDDEN}"


def _query(query: str, *, has_fragment: bool) -> str:
    plain = query.partition("#")[0]
    shown = [
        f"{key}={value}"
        for key, value in parse_qsl(plain, keep_blank_values=True)
        if key in SHOWN_KEYS and _VALUE.fullmatch(value)
    ]
    if has_fragment or "#" in query or len(shown) < len([part for part in plain.split("&") if part]):
        shown.append(HIDDEN)
    return f"?{'&'.join(shown)}" if shown else ""


def _pieces(url: str) -> Iterator[str]:
    """What of a URL must not be seen, whole and in parts, as it is written and as it is meant."""
    scheme, _, rest = url.partition("://")
    if not rest or not _SCHEME.fullmatch(scheme):
        rest = url
    user, at, _ = rest.rpartition("@")
    name, colon, password = user.partition(":")
    secrets = [password if colon else name] if at else []
    # Where the host is forgotten, or the @, everything may be the password.
    if not is_certain(without_secrets(url)):
        secrets += [*(user or rest).split(":", 1)[1:], rest]
    secrets.append(rest.partition("#")[2])
    for part in rest.partition("?")[2].split("&"):
        key, equals, value = part.partition("=")
        if key not in SHOWN_KEYS:
            secrets.append(value if equals else key)
    for secret in secrets:
        for spelled in {secret, unquote(secret), unquote_plus(secret)}:
            parts = {spelled, quote(spelled), quote(spelled, safe=""), quote_plus(spelled)}
            parts |= set(re.split(r"[/@:?#&=;%\[\]\s\"'<>{}]+", spelled))
            yield from (part for part in parts if len(part) >= _SHORTEST)
