// What a chat needs that can be wrong without being seen: what may be asked, and what an answer leads to.
import type { About, ChatAnswer, Source } from "./types.ts";

export const MOST_CHARACTERS = 4000;

/** A question as the gateway takes it: one line without control characters; null where nothing is asked. */
export function sayable(words: string): string | null {
  const line = words.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").trim();
  return /[\p{L}\p{N}?]/u.test(line) && [...line].length <= MOST_CHARACTERS ? line : null;
}

/** What the last answer was about, so that `why?` is about the same. */
export function aboutOf(answers: readonly (ChatAnswer | null)[]): About[] {
  return [...answers].reverse().find((each) => each !== null && each.about.length > 0)?.about ?? [];
}

/** Where the console shows more of something; null where it does not. */
export function placeOf(about: About): string | null {
  if (about.kind !== "mission" && about.kind !== "approval") return null;
  return `#/${about.kind}s/${encodeURIComponent(about.id)}`;
}

/** What a part of an answer is based on, in one line. */
export function sourceWords(source: Source): string {
  const where = [source.route, ...source.ids].join(" ");
  if (source.title == null) return where;
  return `${where}: \u201c${source.title}\u201d, characters ${source.start_offset ?? 0} to ${source.end_offset ?? 0}`;
}
