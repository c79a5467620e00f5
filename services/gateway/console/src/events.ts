// Server-sent events, read by fetch: EventSource sends no Authorization header.

export interface ServerEvent {
  id: string | null;
  event: string;
  data: string;
}

/** Cuts a stream of text into events, wherever it is torn. Comments, which keep it awake, are none. */
export class EventReader {
  private rest = "";

  push(text: string): ServerEvent[] {
    const blocks = (this.rest + text).split(/\r?\n\r?\n/);
    this.rest = blocks.pop() ?? "";
    return blocks.map(eventOf).filter((event) => event !== null);
  }
}

function eventOf(block: string): ServerEvent | null {
  const found: ServerEvent = { id: null, event: "message", data: "" };
  const lines: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const at = line.indexOf(":");
    const name = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
    if (name === "id") found.id = value;
    else if (name === "event") found.event = value;
    else if (name === "data") lines.push(value);
  }
  found.data = lines.join("\n");
  return lines.length > 0 ? found : null;
}
