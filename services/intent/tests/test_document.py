import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import grace.intent.domain
from grace.intent.domain.document import MAX_SOURCE, parse_playbook
from grace.intent.domain.playbook import Call, Comparison, Expectation, Playbook, PlaybookError

SHIPPED = sorted((Path(grace.intent.domain.__file__).parents[1] / "playbooks").glob("*.yaml"))


def _refused(text: str) -> str:
    with pytest.raises(PlaybookError) as refusal:
        parse_playbook(text.encode())
    return str(refusal.value)


def _step(playbook: Playbook) -> tuple[str, object, str, object]:
    (step,) = playbook.steps
    action, measurement = step.action, step.measurement
    return (
        action.operation,
        json.loads(action.params),
        measurement.operation,
        json.loads(measurement.params),
    )


def test_a_playbook_is_its_text_pinned_by_a_hash(mend_it: str) -> None:
    playbook = parse_playbook(mend_it.encode())
    assert (playbook.name, playbook.version, playbook.enabled) == ("mend-it", 1, True)
    assert playbook.source == mend_it
    assert playbook.content_hash == sha256(mend_it.encode()).hexdigest()
    assert playbook.trigger.condition.text == 'kind == "thing.broken"'
    assert playbook.steps[0].action == Call("thing.mend", '{"a":[1,null,true,"x"],"b":2}')
    assert playbook.steps[0].expectations == (Expectation("cracks", Comparison.AT_MOST, 0.0),)


def test_every_change_of_the_text_changes_the_hash(mend_it: str) -> None:
    changed = parse_playbook((mend_it + "# a remark\n").encode())
    assert changed.content_hash != parse_playbook(mend_it.encode()).content_hash


def _shipped(name: str) -> bytes:
    return next(file for file in SHIPPED if file.stem == name).read_bytes()


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_playbook_is_sound_and_named_as_its_file(file: Path) -> None:
    assert parse_playbook(file.read_bytes()).name == file.stem


def test_blocked_sessions_are_answered_by_terminating_the_blockers() -> None:
    playbook = parse_playbook(_shipped("postgres-blocked-sessions"))
    assert _step(playbook) == (
        "postgres.terminate_blockers",
        {"min_idle_seconds": 1},
        "postgres.activity",
        {"seconds": 4, "warmup_seconds": 1},
    )
    assert playbook.steps[0].expectations == (
        Expectation("waiting", Comparison.AT_MOST, 0),
        Expectation("throughput", Comparison.RATIO_OF_BASELINE_AT_LEAST, 0.8),
        Expectation("error_rate", Comparison.ABOVE_BASELINE_AT_MOST, 0.05),
    )


def test_runaway_queries_are_answered_by_a_statement_timeout() -> None:
    playbook = parse_playbook(_shipped("postgres-runaway-queries"))
    assert _step(playbook) == (
        "postgres.set_database_setting",
        {"name": "statement_timeout", "value": "5ms"},
        "postgres.activity",
        {"seconds": 4, "warmup_seconds": 1},
    )
    assert playbook.steps[0].expectations == (
        Expectation("error_rate", Comparison.ABOVE_BASELINE_AT_MOST, 0.05),
        Expectation("throughput", Comparison.RATIO_OF_BASELINE_AT_LEAST, 0.8),
    )


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("version: 1", "versoin: 1", "playbook: unknown versoin; did you mean version?"),
        (
            "    measurement:",
            "    mesurement:",
            "playbook.steps[0]: unknown mesurement; did you mean measurement?",
        ),
        (
            "params: {b",
            "parms: {b",
            "playbook.steps[0].action: unknown parms; did you mean params?",
        ),
        ("at_most", "at_mots", "comparison: unknown at_mots; did you mean at_most?"),
        ("at_most", "smaller", "comparison: unknown smaller; known are "),
        (
            "condition:",
            "when:",
            "playbook.trigger: unknown when; known are accumulate, condition",
        ),
        ("value: 0", "value: 0, tolerance: 1", "expectations[0]: unknown tolerance"),
        # Places are told apart by dots; a key may have some, and a list has no such place.
        ("version: 1", "version: 1\nsteps.action: 1", "line 6: playbook: unknown steps.action"),
        ("version: 1", "version: 1\nsteps.99: 1", "line 6: playbook: unknown steps.99"),
    ],
)
def test_an_unknown_word_is_refused_with_a_suggestion(
    mend_it: str, old: str, new: str, complaint: str
) -> None:
    assert complaint in _refused(mend_it.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("version: 1", "version: 0", "playbook.version: must be 1 to"),
        ("version: 1", "version: true", "playbook.version: a whole number is needed"),
        ("version: 1", 'version: "1"', "playbook.version: a whole number is needed"),
        ("version: 1", "version: 2147483648", "playbook.version: must be 1 to"),
        ("version: 1", "enabled: maybe", "playbook.version: a whole number is needed"),
        ("version: 1", "version: 1\nenabled: 1", "playbook.enabled: true or false is needed"),
        ("mend-it", "mend it", "playbook.playbook: 1 to 128 characters"),
        ("mend-it", "x" * 129, "playbook.playbook: 1 to 128 characters"),
        ('kind == "thing.broken"', "kin == 'x'", "trigger.condition: unknown name kin; did you mean kind?"),
        ('kind == "thing.broken"', "[]", "trigger.condition: a text is needed"),
        ("thing.mend", "rm -rf /", "action.operation: 1 to 128 characters"),
        ("{b: 2", "{b: 2026-11-20", "neither text, number"),
        ("{b: 2", "{b: .nan", "nan is neither text, number"),
        ("{b: 2", "{b: .inf", "inf is neither text, number"),
        ("{b: 2", "{1: 2", "1 is neither text, number"),
        ("{b: 2", "{b: !!set {x}", "neither text, number"),
        ("{b: 2", f"{{b: 1{'0' * 400}", "neither text, number"),
        ("{}", "[]", "measurement.params: a table is needed"),
        ("value: 0", "value: .nan", "value: a finite number is needed"),
        ("at_most, value: 0", "ratio_of_baseline_at_least, value: 0", "value: a ratio is above 0"),
        ("value: 0", "value: true", "value: a finite number is needed"),
        ("value: 0", f"value: 1{'0' * 400}", "value: a finite number is needed"),
        ("{b: 2", f"{{b: 0x{'F' * 5000}", "line 8: a number of more than 100 digits"),
        ("version: 1", f"version: 1\n? 0b{'1' * 20000}\n: x", "line 3: a number of more"),
        ("version: 1", "version: 1\nversion: 2", "line 3: version is given twice"),
        ("{b: 2", "{b: 2, b: 3", "b is given twice"),
        ("version: 1", "version: &one 1\nenabled: *one", "an alias (*name) is not allowed"),
        ("version: 1", "version: !!python/object/apply:os.system [id]", "not YAML"),
        ("version: 1", "version: {{x: 1}: 2}", "not YAML"),
        ("version: 1", "version: [", "not YAML"),
    ],
)  # fmt: skip
def test_a_slip_is_refused_with_its_place(mend_it: str, old: str, new: str, complaint: str) -> None:
    assert complaint in _refused(mend_it.replace(old, new, 1))


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("010", "a number that begins with 0 is octal"), ("-010", "begins with 0"),
        ("08", "begins with 0"), ("0_1", "begins with 0"), ("!!int '010'", "begins with 0"),
        ("1:30", "digits and colons are a number to the base 60"), ("22:22:22", "base 60"),
        ("+1:30", "base 60"), ("02:30.5", "base 60"),
    ],
)  # fmt: skip
def test_a_number_that_yaml_takes_for_another_is_refused_by_its_line(
    mend_it: str, written: str, complaint: str
) -> None:
    for old, new, line in (
        ("value: 0", f"value: {written}", 13),
        ("{b: 2", f"{{b: [{written}]", 8),
        ("version: 1", f"version: 1\n{written}: x", 3),
    ):
        text = mend_it.replace(old, new, 1)
        with pytest.raises(
            PlaybookError, match=f"^line {line}: .*{complaint}.*quote it"
        ) as refused:
            parse_playbook(text.encode())
        assert refused.value.line == line
        assert written not in str(refused.value)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("'010'", "010"), ('"1:30"', "1:30"), ("!!str 010", "010"), ("0", 0), ("0.5", 0.5),
        ("-0.25", -0.25), ("8080:80", "8080:80"), ("10.0.0.1:80", "10.0.0.1:80"), ("0x1F", 31),
    ],
)  # fmt: skip
def test_a_quoted_number_is_a_text_and_a_plain_one_itself(
    mend_it: str, written: str, value: object
) -> None:
    text = mend_it.replace("{b: 2", f"{{b: {written}", 1)
    params = json.loads(parse_playbook(text.encode()).steps[0].action.params)
    assert params["b"] == value


@pytest.mark.parametrize(
    "written",
    ["!!bool s3cret", "!!int ''", "!!float ''", "!!timestamp s3cret", "!!int s3cret", "2026-13-01"],
)
def test_a_value_that_is_none_as_it_is_written_is_refused_and_not_repeated(
    mend_it: str, written: str
) -> None:
    complaint = _refused(mend_it.replace("{b: 2", f"{{b: {written}", 1))
    assert complaint.startswith("not YAML: a value is no date, number or flag as it is written")


@pytest.mark.parametrize(
    ("old", "new", "line", "complaint"),
    [
        ("version: 1", "version: 1\n\tenabled: true", 3, "not YAML: "),
        ("version: 1", "version: 1\nversion: 2", 3, "version is given twice"),
        ("version: 1", "version: &one 1\nenabled: *one", 3, "an alias (*name) is not allowed"),
        ("{b: 2", "{b: 2, b: 3", 8, "b is given twice"),
        ("version: 1", f"version: {'[' * 100}{']' * 100}", 2, "more than 100 tables"),
    ],
)  # fmt: skip
def test_what_is_not_read_at_all_is_refused_by_its_line(
    mend_it: str, old: str, new: str, line: int, complaint: str
) -> None:
    with pytest.raises(PlaybookError) as refused:
        parse_playbook(mend_it.replace(old, new, 1).encode())
    assert refused.value.line == line
    assert str(refused.value).startswith(f"line {line}: {complaint}")


@pytest.mark.parametrize("text", ["", "[]", "just text", "1", "---\n---\n", "\x00", "[" * 3000])
def test_what_is_no_table_is_no_playbook(text: str) -> None:
    assert _refused(text)


@pytest.mark.parametrize("depth", [101, 30_000])
def test_what_lies_deeper_than_anybody_reads_is_refused(depth: int) -> None:
    assert "line 1: more than 100 tables inside tables" in _refused("[" * depth + "]" * depth)
    assert "a table of keys and values is needed" in _refused("[" * 100 + "]" * 100)


@pytest.mark.parametrize("count", [0, 17])
def test_a_plan_is_a_handful_of_steps(mend_it: str, count: int) -> None:
    head, step = mend_it.split("steps:\n")
    assert "playbook.steps: a list of 1 to 16 is needed" in _refused(
        head + ("steps:\n" + step * count if count else "steps: []\n")
    )


def test_a_playbook_that_is_too_large_is_not_even_read(mend_it: str) -> None:
    assert f"larger than {MAX_SOURCE} bytes" in _refused(mend_it + "#" * MAX_SOURCE)


def test_bytes_that_are_no_utf_8_are_refused(mend_it: str) -> None:
    with pytest.raises(PlaybookError, match="not YAML"):
        parse_playbook(mend_it.encode() + b"\xff")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_playbook_or_refused(source: bytes) -> None:
    with pytest.raises(PlaybookError):
        parse_playbook(source)


@given(data=st.data())
def test_a_playbook_with_lines_missing_is_refused_or_sound(
    mend_it: str, data: st.DataObject
) -> None:
    lines = mend_it.splitlines()
    kept = data.draw(st.lists(st.booleans(), min_size=len(lines), max_size=len(lines)))
    text = "\n".join(line for line, keep in zip(lines, kept, strict=True) if keep)
    try:
        playbook = parse_playbook(text.encode())
    except PlaybookError:
        return
    assert playbook.steps[0].expectations
    assert isinstance(json.loads(playbook.steps[0].action.params), dict)
