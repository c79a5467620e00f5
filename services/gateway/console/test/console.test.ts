// What of the console can be wrong without being seen: hashes, torn streams, words for ends.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { EventReader } from "../src/events.ts";
import { aboutOf, placeOf, sayable, sourceWords } from "../src/talk.ts";
import { hashShown, isWhole } from "../src/shown.ts";
import { expectationWords, laidOut, visible, missionTone, missionWords, untilWords } from "../src/words.ts";

const sha256 = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex");

test("the hash is that of the hashes, whatever the letters", () => {
  const texts = ['{"a":1}', '{"note":"Grüße, 世界 \u{1f30d}"}'];
  assert.equal(hashShown(texts), sha256(texts.map(sha256).join("\n")));
});

test("a plan whose texts are others is not whole, nor is one without any", () => {
  const approval = (contracts: string[], shown_hash: string) => ({ contracts, shown_hash }) as never;
  assert.ok(isWhole(approval(["{}"], hashShown(["{}"]))));
  assert.ok(!isWhole(approval(["{ }"], hashShown(["{}"]))));
  assert.ok(!isWhole(approval([], hashShown([]))));
});

test("events are read wherever the stream is torn", () => {
  const stream = 'retry: 2000\nid: 3\n\n: heartbeat\nid: 4\n\nid: 5\nevent: approval.granted\ndata: {"a":\ndata: 1}\r\n\r\n';
  for (let size = 1; size <= stream.length; size++) {
    const reader = new EventReader();
    const found = [];
    for (let at = 0; at < stream.length; at += size) found.push(...reader.push(stream.slice(at, at + size)));
    assert.deepEqual(found, [{ id: "5", event: "approval.granted", data: '{"a":\n1}' }], `by ${size}`);
  }
});

test("nothing sounds better than it is", () => {
  const reopened = { status: "verified", reopened_at: "2026-11-20T12:00:00Z" };
  assert.match(missionWords(reopened), /came back/);
  assert.equal(missionTone(reopened), "bad");
  assert.equal(missionTone({ status: "acting" }), "wait");
  assert.equal(missionTone({ status: "something new" }), "plain");
  assert.equal(missionWords({ status: "something new" }), "something new");
});

test("times, bounds and texts that are none", () => {
  const now = Date.parse("2026-11-20T12:00:00Z");
  assert.equal(untilWords("2026-11-20T12:01:00Z", now), "60 s");
  assert.equal(untilWords("2026-11-20T12:30:00Z", now), "30 min");
  assert.equal(untilWords("2026-11-20T12:00:00Z", now), "over");
  assert.equal(untilWords("nonsense", now), "over");
  assert.equal(expectationWords("ratio_of_baseline_at_least", 0.8), "at least 0.8 x what it was before");
  assert.equal(laidOut("{"), "{");
});

test("a text is shown as it is approved, whatever JavaScript or a screen would make of it", () => {
  assert.equal(laidOut('{"id":12}'), '{\n  "id": 12\n}');
  assert.equal(laidOut('{"id":9007199254740993}'), '{"id":9007199254740993}');
  assert.equal(laidOut('{"a":1,"a":2}'), '{"a":1,"a":2}');
  assert.equal(laidOut('{"share":1.0}'), '{"share":1.0}');
  assert.equal(visible("drop \u202eelbat\u200b"), "drop \\u{202e}elbat\\u{200b}");
  assert.equal(visible("Grüße, 世界\nund mehr"), "Grüße, 世界\nund mehr");
});

test("what is asked is one line that says something", () => {
  assert.equal(sayable("  why?\n\u0007\u2028and who  "), "why? and who");
  for (const nothing of ["", "  ", "\u0000", "<>", "x".repeat(4001)]) assert.equal(sayable(nothing), null);
  assert.equal(sayable("\u{1f30d} 1".padEnd(4000, "x"))?.length, 4000);
  assert.equal(sayable("<script>alert(1)</script>"), "<script>alert(1)</script>");
});

test("what points back is about the last answer that was about something", () => {
  const answer = (...ids: string[]) => ({ about: ids.map((id) => ({ kind: "mission", id })) }) as never;
  assert.deepEqual(aboutOf([]), []);
  assert.deepEqual(aboutOf([answer("a"), answer("b"), null, answer()]), [{ kind: "mission", id: "b" }]);
});

test("an answer leads to what the console shows, and to nothing else", () => {
  assert.equal(placeOf({ kind: "mission", id: "a/../b" }), "#/missions/a%2F..%2Fb");
  assert.equal(placeOf({ kind: "approval", id: "c" }), "#/approvals/c");
  assert.equal(placeOf({ kind: "target", id: "javascript:alert(1)" }), null);
  assert.equal(sourceWords({ route: "GET /api/missions", ids: ["a"] }), "GET /api/missions a");
  const cited = { route: "GET /a/{id}", ids: ["a"], title: "T", start_offset: 3, end_offset: 9 };
  assert.equal(sourceWords(cited), "GET /a/{id} a: \u201cT\u201d, characters 3 to 9");
});
