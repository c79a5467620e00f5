// Asks the gateway that this page came from. The key goes into a header and nowhere else.

/** The gateway refused: what it says of it is shown as it is. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    detail: string,
  ) {
    super(detail);
  }
}

/** Nobody answered: whether something was done is not known. */
export class NoAnswer extends Error {
  constructor() {
    super("The gateway does not answer.");
  }
}

const PATIENCE_MS = 30_000;

export interface Page<T> {
  items: T[];
  next: string | null;
}

interface Envelope<T> {
  data: T;
  meta?: { next_cursor?: string | null };
}

export class Api {
  constructor(private readonly key: string) {}

  async get<T>(path: string): Promise<T> {
    return (await this.ask<T>(path, {})).data;
  }

  async page<T>(path: string): Promise<Page<T>> {
    const found = await this.ask<T[]>(path, {});
    return { items: found.data, next: found.meta?.next_cursor ?? null };
  }

  /** Ask something that is too long for an address; it changes nothing. */
  async question<T>(path: string, body: unknown): Promise<T> {
    const headers = { "Content-Type": "application/json" };
    return (await this.ask<T>(path, { method: "POST", headers, body: JSON.stringify(body) })).data;
  }

  /** Order something once: a repeat with the same `identity` is answered as the first time. */
  async post<T>(path: string, body: unknown, identity: string, version: number): Promise<T> {
    const headers = {
      "Content-Type": "application/json",
      "Idempotency-Key": identity,
      "If-Match": `"${version}"`,
    };
    const order = { method: "POST", headers, body: JSON.stringify(body) };
    return (await this.ask<T>(path, order)).data;
  }

  /** An answer that goes on, e.g. a stream of events. */
  async open(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    const answer = await this.fetch(path, { headers, signal });
    if (!answer.ok) throw await refusalOf(answer);
    return answer;
  }

  private async ask<T>(path: string, order: RequestInit): Promise<Envelope<T>> {
    const answer = await this.fetch(path, { ...order, signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) throw await refusalOf(answer);
    try {
      return (await answer.json()) as Envelope<T>;
    } catch {
      throw new NoAnswer();
    }
  }

  private async fetch(path: string, order: RequestInit): Promise<Response> {
    const headers = { ...order.headers, Authorization: `Bearer ${this.key}` };
    try {
      return await fetch(path, { ...order, headers, credentials: "omit", cache: "no-store" });
    } catch {
      throw new NoAnswer(); // or nobody waits for it any more
    }
  }
}

async function refusalOf(answer: Response): Promise<Refusal> {
  const problem = (await answer.json().catch(() => ({}))) as { title?: string; detail?: string };
  const title = problem.title ?? answer.statusText;
  return new Refusal(answer.status, title, problem.detail ?? title);
}

/** A name for one order. Not crypto.randomUUID, which plain HTTP in a house does not have. */
export function newIdentity(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What to tell a person of a failure. */
export function wordsOf(failure: unknown): string {
  if (failure instanceof Refusal) return `${failure.message} (${failure.status} ${failure.title})`;
  return failure instanceof Error ? failure.message : String(failure);
}
