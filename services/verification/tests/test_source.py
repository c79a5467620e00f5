import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.verification.domain.source import (
    HTTP,
    PROMQL,
    Asked,
    BadSourceError,
    asked,
    is_forbidden,
    parse_sources,
    read_answer,
)
from grace.verification.domain.verdict import Measured, Unmeasured

FILE = """
[sources.web]
kind = "http"
url = "http://shop.internal:8080/base/"
[sources.metrics]
kind = "promql"
url = "https://prometheus.internal"
token_file = "/run/secrets/prometheus"
"""
SOURCES = parse_sources(FILE)


def refused(text):
    with pytest.raises(BadSourceError) as found:
        parse_sources(text)
    return str(found.value)


def path_of(name, operation, params):
    return asked(SOURCES[name], operation, json.dumps(params)).path


def prometheus(result, kind="vector", status=200):
    answer = {"status": "success", "data": {"resultType": kind, "result": result}}
    what = Asked(PROMQL, "/", {})
    return read_answer(what, status=status, body=json.dumps(answer).encode(), seconds=0.1)


class TestTheFile:
    def test_a_source_is_an_address_of_the_operators(self):
        web, metrics = SOURCES["web"], SOURCES["metrics"]
        assert (web.scheme, web.host, web.port, web.base) == (
            "http",
            "shop.internal",
            8080,
            "/base",
        )
        assert (metrics.port, metrics.token_file) == (443, "/run/secrets/prometheus")

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ('kind = "ftp"\nurl = "http://a"', "must be http or promql"),
            ('kind = "http"\nurl = "file:///etc/passwd"', "http:// or https://"),
            ('kind = "http"\nurl = "http://user:word@a"', "no user, password"),
            ('kind = "http"\nurl = "http://a:99999"', "not a URL"),
            ('kind = "http"\nurl = "http://a"\nproxy = "http://b"', "unknown key proxy"),
            ('kind = "http"\nurl = "http://a"\ntoken_file = "/x"', "https only"),
            ('kind = "http"\nurl = "https://a"\ntoken_file = "x"', "absolute"),
            ("kind = 3", "must be http or promql"),
            ('kind = ["http"]\nurl = "http://a"', "must be http or promql"),
        ],
    )
    def test_what_cannot_be_used_is_refused_with_what_to_change(self, line, words):
        assert words in refused(f"[sources.a]\n{line}")

    def test_other_things_than_sources_are_refused(self):
        assert "not TOML" in refused("[")
        assert "unknown key source" in refused("[source.a]")
        assert "not an id" in refused('[sources."a b"]\nkind = "http"')


class TestAsking:
    def test_http_asks_a_path_below_the_source(self):
        assert path_of("web", HTTP, {"path": "/health?full=1"}) == "/base/health?full=1"

    def test_promql_is_asked_as_an_instant_query(self):
        assert path_of("metrics", PROMQL, {"query": 'up{job="a"} > 0'}) == (
            "/api/v1/query?query=up%7Bjob%3D%22a%22%7D%20%3E%200"
        )
        ranged = {"query": "up", "range_seconds": 300, "step_seconds": 15}
        assert path_of("metrics", PROMQL, ranged).endswith("%28up%29%5B300s%3A15s%5D")

    @pytest.mark.parametrize(
        "path",
        ["", "health", "//evil/x", "/..", "/a/../b", "/%2e%2E/b", "/a b", "/a\r\nX: y", "/a#b",
         "http://evil/", "/..;/b", "/..%2Fb", "/a%2f%2E./b", "/..%5cb", "/\x00", None, 3, "/\u00e4", "/a\\b"],
    )  # fmt: skip
    def test_no_path_leads_out_of_the_source(self, path):
        with pytest.raises(BadSourceError, match="path"):
            path_of("web", HTTP, {"path": path})

    @given(st.text(max_size=30))
    def test_whatever_a_path_is_it_stays_one_path(self, text):
        try:
            found = path_of("web", HTTP, {"path": "/" + text})
        except BadSourceError:
            return
        assert found.startswith("/base/")
        assert found.isascii()
        assert found.isprintable()
        assert not {" ", "#", "\\"} & set(found)
        assert "//" not in found.partition("?")[0]

    @pytest.mark.parametrize(
        ("name", "operation", "params", "words"),
        [
            ("web", PROMQL, {"query": "up"}, "kind http"),
            ("metrics", HTTP, {"path": "/"}, "kind promql"),
            ("web", "http.post", {"path": "/"}, "known are http.get, promql.query"),
            ("web", HTTP, {"path": "/", "method": "POST"}, "unknown key method"),
            ("web", HTTP, {"path": "/", "fields": {"a": "b"}}, "JSON pointer"),
            ("web", HTTP, {"path": "/", "fields": {"bytes": "/b"}}, "name it otherwise"),
            (
                "web",
                HTTP,
                {"path": "/", "fields": {"a": "/l/" + "9" * 4400}},
                "fields.a: .*shorten",
            ),
            ("web", HTTP, [], "not a JSON object"),
            ("metrics", PROMQL, {"query": " "}, "PromQL of 1"),
            ("metrics", PROMQL, {"query": "x" * 4097}, "PromQL of 1"),
            ("metrics", PROMQL, {"query": "up", "range_seconds": 5}, "whole"),
            ("metrics", PROMQL, {"query": "up", "range_seconds": 9999, "step_seconds": 1}, "steps"),
        ],
    )
    def test_what_can_never_be_asked_is_refused(self, name, operation, params, words):
        with pytest.raises(BadSourceError, match=words):
            path_of(name, operation, params)


@pytest.mark.parametrize(
    ("address", "is_here", "forbidden"),
    [
        ("169.254.169.254", False, True),
        ("169.254.169.254", True, True),
        ("fe80::1", False, True),
        ("::ffff:169.254.169.254", False, True),
        ("0.0.0.0", True, True),  # noqa: S104 - an address to be refused
        ("224.0.0.1", False, True),
        ("127.0.0.1", False, True),
        ("::ffff:127.0.0.1", False, True),
        ("127.0.0.1", True, False),
        ("::1", True, False),
        ("10.1.2.3", False, False),
        ("93.184.216.34", False, False),
    ],
)
def test_metadata_addresses_are_never_asked_and_loopback_only_by_name(address, is_here, forbidden):
    assert is_forbidden(address, is_here=is_here) is forbidden


class TestAnswers:
    ASKED = Asked(HTTP, "/", {"queue": "/jobs/0/depth", "gone": "/nothing", "word": "/word"})

    def http(self, body, status=200):
        return read_answer(self.ASKED, status=status, body=body, seconds=0.25).state

    def test_http_says_status_time_size_and_the_numbers_that_were_asked_for(self):
        found = self.http(b'{"jobs": [{"depth": 7}], "word": "x"}')
        assert found["queue"] == 7.0
        assert (found["gone"], found["word"]) == (None, None)
        assert (found["status"], found["ok"], found["latency_ms"]) == (200, 1, 250.0)

    @pytest.mark.parametrize("index", ["2", "9" * 10, "9" * 4400, "-1", "x", ""])
    def test_a_pointer_to_where_no_list_has_an_item_leads_to_no_number(self, index):
        what = Asked(HTTP, "/", {"first": "/list/0", "odd": f"/list/{index}"})
        found = read_answer(what, status=200, body=b'{"list": [1, 2]}', seconds=0).state
        assert (found["first"], found["odd"]) == (1.0, None)

    @pytest.mark.parametrize("status", [304, 404, 503])
    def test_a_refusal_is_a_measurement_and_its_numbers_are_none_of_the_services(self, status):
        found = self.http(b'{"jobs": [{"depth": 0}]}', status=status)
        assert (found["status"], found["ok"]) == (status, 0)
        assert (found["queue"], found["latency_ms"], found["bytes"]) == (None, None, None)

    def test_one_series_has_a_value_and_several_have_their_sum(self):
        assert prometheus([{"metric": {}, "value": [1, "4.5"]}]).state["value"] == 4.5
        two = prometheus([{"value": [1, "1"]}, {"value": [1, "3"]}]).state
        assert (two["value"], two["sum"], two["max"], two["count"]) == (None, 4.0, 3.0, 2)
        assert prometheus([1, "2"], "scalar").state["value"] == 2.0

    def test_a_range_has_its_points_as_samples(self):
        found = prometheus([{"values": [[1, "1"], [2, "2"]]}], "matrix").state
        assert found["series"] == [1.0, 2.0]

    @pytest.mark.parametrize(
        "result", [[], [{"value": [1, "NaN"]}], [{"value": [1, "+Inf"]}], [{"value": [1]}], [{}],
                   [{"value": [1, "2"]}, {"value": [1, "NaN"]}]],
    )  # fmt: skip
    def test_no_data_and_nan_are_no_number(self, result):
        found = prometheus(result).state
        assert [found[each] for each in ("value", "min", "max", "sum", "count")] == [None] * 5

    def test_what_prometheus_refuses_was_not_measured(self):
        body = b'{"status": "error", "errorType": "bad_data", "error": "parse error"}'
        found = read_answer(Asked(PROMQL, "/", {}), status=400, body=body, seconds=0)
        assert found == Unmeasured("Prometheus says: parse error")
        assert isinstance(prometheus("x", "string"), Unmeasured)
        assert isinstance(prometheus(None, "vector"), Unmeasured)

    @pytest.mark.parametrize("status", [302, 404, 503])
    def test_what_did_not_answer_as_prometheus_does_was_not_measured(self, status):
        assert prometheus([1, "0"], "scalar", status=status) == Unmeasured(
            f"Prometheus says: {status}"
        )

    @pytest.mark.parametrize("odd", [7, None, "x", {"histogram": [1, {}]}])
    def test_a_series_that_is_none_is_missing_and_not_left_out(self, odd):
        found = prometheus([odd, {"value": [1, "2"]}]).state
        assert (found["count"], found["value"], found["series"]) == (None, None, [])

    def test_a_series_without_points_is_missing_and_not_left_out(self):
        histogram = {"histograms": [[1, {"count": "9", "sum": "90"}]]}
        found = prometheus([{"values": [[1, "1"], [2, "2"]]}, histogram], "matrix").state
        assert (found["max"], found["count"], found["series"]) == (None, None, [])

    def test_partial_data_and_more_than_can_be_looked_at_are_no_measurement(self):
        answer = {"status": "success", "warnings": ["remote read failed"],
                  "data": {"resultType": "scalar", "result": [1, "0"]}}  # fmt: skip
        body = json.dumps(answer).encode()
        found = read_answer(Asked(PROMQL, "/", {}), status=200, body=body, seconds=0)
        assert found == Unmeasured("Prometheus warns: ['remote read failed']")
        part = {**answer, "warnings": [], "isPartial": True}
        found = read_answer(
            Asked(PROMQL, "/", {}), status=200, body=json.dumps(part).encode(), seconds=0
        )
        assert found == Unmeasured("Prometheus warns: isPartial")
        many = prometheus([{"value": [1, "0"]}] * 1001)
        assert many == Unmeasured("Prometheus gives more than 1000 values: aggregate them")

    @given(st.binary(max_size=60), st.sampled_from([HTTP, PROMQL]))
    def test_no_answer_is_too_odd_to_read(self, body, operation):
        found = read_answer(Asked(operation, "/", {}), status=200, body=body, seconds=0)
        assert isinstance(found, Measured | Unmeasured)
