// The plans that wait for people, and those that were decided.
import { type ReactNode, useState } from "react";

import { ApprovalModal } from "./ApprovalModal.tsx";
import { useLoaded, useNow } from "./hooks.ts";
import { Empty, Expiry, Moment, Problem, StatusBadge, TierBadge } from "./parts.tsx";
import type { Approval } from "./types.ts";
import { statusWords, toneOf } from "./words.ts";

const FILTERS = ["pending", "granted", "rejected", "expired"];

export function Approvals({ id, news }: { id: string | null; news: number }): ReactNode {
  const [status, setStatus] = useState("pending");
  const path = `/api/approvals?limit=50&status=${status}`;
  const { value, problem, reload } = useLoaded(path, (api) => api.page<Approval>(path), news);
  return (
    <section>
      <h1>Approvals</h1>
      <Filters names={FILTERS} chosen={status} onChoose={setStatus} />
      {problem !== null && <Problem>{problem}</Problem>}
      {value === null ? (
        problem === null && <Empty>Asking ...</Empty>
      ) : (
        <List approvals={value.items} isPending={status === "pending"} />
      )}
      {value?.next && <Empty>These are the newest 50. The command line has the rest: grace approvals list.</Empty>}
      {id !== null && <ApprovalModal key={id} id={id} news={news} onDecided={reload} />}
    </section>
  );
}

export function Filters(props: {
  names: readonly string[];
  chosen: string;
  onChoose: (name: string) => void;
}): ReactNode {
  return (
    <div className="filters" role="group" aria-label="Which to show">
      {props.names.map((name) => (
        <button
          key={name}
          type="button"
          aria-pressed={props.chosen === name}
          onClick={() => props.onChoose(name)}
        >
          {name.replaceAll("_", " ")}
        </button>
      ))}
    </div>
  );
}

function List({ approvals, isPending }: { approvals: Approval[]; isPending: boolean }): ReactNode {
  const now = useNow();
  if (approvals.length === 0) return <Empty>{isPending ? "Nothing waits for anybody." : "None."}</Empty>;
  return (
    <ul className="rows" aria-live="polite">
      {approvals.map((each) => (
        <li key={each.approval_id}>
          <a href={`#/approvals/${encodeURIComponent(each.approval_id)}`}>
            <span className="name">{each.playbook}</span>
            <TierBadge tier={each.tier} />
            {isPending || <StatusBadge tone={toneOf(each.status)}>{statusWords(each.status)}</StatusBadge>}
            <span className="more">
              {votesOf(each)} of {each.quorum} approved, asked by {each.requested_by},{" "}
              {isPending ? <Expiry at={each.expires_at} now={now} /> : <Moment at={each.decided_at ?? each.requested_at} />}
            </span>
          </a>
        </li>
      ))}
    </ul>
  );
}

export const votesOf = (approval: Approval): number =>
  new Set(approval.votes.filter((vote) => vote.choice === "approve").map((vote) => vote.principal)).size;
