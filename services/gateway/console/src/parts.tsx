// Small parts that several views are made of.
import type { ReactNode } from "react";

import { TIERS, type Tone, untilWords, utc, visible } from "./words.ts";

export const TierBadge = ({ tier }: { tier: number }): ReactNode => (
  <span className={`badge tier-${tier}`}>{TIERS[tier] ?? `Tier ${tier}`}</span>
);

export const StatusBadge = ({ tone, children }: { tone: Tone; children: ReactNode }): ReactNode => (
  <span className={`badge tone-${tone}`}>{children}</span>
);

/** A moment in UTC; the reader's own time is in its title. */
export const Moment = ({ at }: { at: string }): ReactNode => (
  <time dateTime={at} title={new Date(at).toLocaleString()}>
    {utc(at)}
  </time>
);

export function Expiry({ at, now }: { at: string; now: number }): ReactNode {
  const left = untilWords(at, now);
  return <span title={utc(at)}>{left === "over" ? "time is over" : `${left} left`}</span>;
}

export const Problem = ({ children }: { children: ReactNode }): ReactNode => (
  <p className="problem" role="alert">
    {children}
  </p>
);

/** What somebody else has written. */
export const Said = ({ children }: { children: string }): ReactNode => <span>{visible(children)}</span>;

export const Empty = ({ children }: { children: ReactNode }): ReactNode => (
  <p className="empty">{children}</p>
);

export const Fact = ({ name, children }: { name: string; children: ReactNode }): ReactNode => (
  <>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </>
);
