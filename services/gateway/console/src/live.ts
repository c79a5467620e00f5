// Tells when something happened to approvals: by the stream of events, and by asking where there is none.
import { type Api, Refusal } from "./api.ts";
import { EventReader } from "./events.ts";

/** How news comes: `live` as it happens, `polling` every few seconds, `refused` not at all. */
export type Mode = "live" | "polling" | "refused";

const POLL_MS = 5000;
// The gateway says something every fifteen seconds; silent for longer, the connection is dead.
const SILENCE_MS = 45_000;

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

/**
 * Follow until the signal; `changed` at each event, and every few seconds while there is no stream.
 * Ends where the gateway refuses this key: to ask again would change nothing.
 */
export async function follow(
  api: Api,
  signal: AbortSignal,
  told: (mode: Mode) => void,
  changed: () => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await read(api, signal, told, changed);
    } catch (failure) {
      if (failure instanceof Refusal && [401, 403].includes(failure.status)) return told("refused");
    }
    if (signal.aborted) return;
    told("polling");
    changed();
    await pause(POLL_MS, signal);
  }
}

async function read(
  api: Api,
  signal: AbortSignal,
  told: (mode: Mode) => void,
  changed: () => void,
): Promise<void> {
  const quiet = new AbortController();
  const both = AbortSignal.any([signal, quiet.signal]);
  const answer = await api.open("/api/approvals/stream", { Accept: "text/event-stream" }, both);
  const stream = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!stream) return;
  told("live");
  changed(); // whatever happened before the stream began
  const events = new EventReader();
  for (;;) {
    const timer = setTimeout(() => quiet.abort(), SILENCE_MS);
    const { done, value } = await stream.read().finally(() => clearTimeout(timer));
    if (done) return;
    if (events.push(value).length > 0) changed();
  }
}
