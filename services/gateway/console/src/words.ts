// What things are called on the screen: plain, and never better than they are.

export const TIERS: Record<number, string> = {
  1: "Tier 1 - low risk",
  2: "Tier 2 - medium risk",
  3: "Tier 3 - high risk",
};

const STATUS: Record<string, string> = {
  pending: "Waits for approval",
  granted: "Granted",
  rejected: "Rejected",
  expired: "Expired: nobody decided in time",
  open: "Open",
  planned: "Planned",
  awaiting_approval: "Waits for approval",
  acting: "Acting, not verified",
  needs_attention: "Needs a person",
  verified: "Verified by measuring",
  failed: "Failed",
  rolled_back: "Rolled back, measured to be as before",
  rollback_failed: "Rollback failed",
  inconclusive: "Inconclusive: could not be measured",
  blocked: "Blocked: nothing was done",
  cancelled: "Cancelled",
};

/** What a number must be for the action to hold, e.g. `at least 0.8 x baseline`. */
export function expectationWords(comparison: string, value: number): string {
  switch (comparison) {
    case "at_least":
      return `at least ${value}`;
    case "at_most":
      return `at most ${value}`;
    case "ratio_of_baseline_at_least":
      return `at least ${value} x what it was before`;
    case "above_baseline_at_most":
      return `at most ${value} above what it was before`;
    default:
      return `${comparison} ${value}`;
  }
}

/** Like a traffic light, beside the words and never in their place. */
export type Tone = "good" | "bad" | "wait" | "plain";

const TONES: Record<string, Tone> = {
  verified: "good",
  granted: "good",
  failed: "bad",
  rollback_failed: "bad",
  needs_attention: "bad",
  reopened: "bad",
  pending: "wait",
  awaiting_approval: "wait",
  acting: "wait",
};

export const statusWords = (status: string): string => STATUS[status] ?? status;
export const toneOf = (status: string): Tone => TONES[status] ?? "plain";

/** What a mission came to. One that was verified and whose fault is back is no success. */
export function missionWords(mission: { status: string; reopened_at?: string | null }): string {
  if (mission.reopened_at) return "Reopened: the fault came back after it was verified";
  return statusWords(mission.status);
}

export const missionTone = (mission: { status: string; reopened_at?: string | null }): Tone =>
  mission.reopened_at ? "bad" : toneOf(mission.status);

/** How long until a moment, or `over`. Seconds within the last two minutes. */
export function untilWords(moment: string, now: number): string {
  const seconds = Math.floor((Date.parse(moment) - now) / 1000);
  if (!(seconds > 0)) return "over";
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

/** A moment in UTC, to the second. */
export const utc = (moment: string): string =>
  `${new Date(moment).toISOString().slice(0, 19).replace("T", " ")} UTC`;

// Controls, and what turns, joins or hides letters: a text must not look like another one.
const UNSEEN =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e01ef}]/gu;

/** A text of others, with each letter that cannot be seen by its number. */
export const visible = (text: string): string =>
  text.replace(UNSEEN, (letter) => `\\u{${letter.codePointAt(0)?.toString(16) ?? ""}}`);

/** JSON in lines, where these say the same to the letter; e.g. a number that JavaScript would round stays in its text. */
export function laidOut(json: string): string {
  try {
    const found: unknown = JSON.parse(json);
    const isSame = JSON.stringify(found) === json;
    return visible(isSame ? JSON.stringify(found, null, 2) : json);
  } catch {
    return visible(json);
  }
}
