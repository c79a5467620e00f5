// Approve or reject. Nothing is said to be done before the gateway has said so.
import { type ReactNode, useRef, useState } from "react";

import { NoAnswer, newIdentity, Refusal, wordsOf } from "./api.ts";
import { votesOf } from "./Approvals.tsx";
import { useApi } from "./hooks.ts";
import { Problem } from "./parts.tsx";
import { hashShown } from "./shown.ts";
import type { Approval } from "./types.ts";

type Choice = "approve" | "reject";

interface Decided {
  approval: Approval;
  isOld: boolean;
  onDecided: (approval: Approval) => void;
}

const DANGEROUS = 3;

export function Decision({ approval, isOld, onDecided }: Decided): ReactNode {
  const api = useApi();
  const [reason, setReason] = useState("");
  const [typed, setTyped] = useState("");
  const [isAsking, setAsking] = useState(false);
  const [said, setSaid] = useState<{ text: string; isBad: boolean } | null>(null);
  const identity = useRef(newIdentity());
  const targets = targetsOf(approval);
  const isTyped = approval.tier < DANGEROUS || typed.trim() === targets;

  async function decide(choice: Choice): Promise<void> {
    setAsking(true);
    setSaid(null);
    const path = `/api/approvals/${encodeURIComponent(approval.approval_id)}/${choice}`;
    const body = { shown_hash: hashShown(approval.contracts), reason: reason.trim() || null };
    try {
      const found = await api.post<Approval>(path, body, `${identity.current}-${choice}`, approval.version);
      setSaid({ text: answerWords(found), isBad: false });
      onDecided(found);
    } catch (failure) {
      setSaid({ text: failureWords(failure), isBad: true });
    } finally {
      identity.current = newIdentity();
      setAsking(false);
    }
  }

  const cannot = isAsking || isOld;
  return (
    <form className="decision" onSubmit={(event) => event.preventDefault()}>
      <label htmlFor="reason">Reason, for the record (needed to reject)</label>
      <textarea id="reason" maxLength={1000} value={reason} onChange={(event) => setReason(event.target.value)} />
      {approval.tier >= DANGEROUS && (
        <>
          <label htmlFor="typed">
            To approve, type what it acts on: <code>{targets}</code>
          </label>
          <input id="typed" autoComplete="off" value={typed} onChange={(event) => setTyped(event.target.value)} />
        </>
      )}
      <div className="choices">
        <button type="button" className="main" disabled={cannot || !isTyped} onClick={() => void decide("approve")}>
          Approve this plan
        </button>
        <button type="button" disabled={cannot || reason.trim() === ""} onClick={() => void decide("reject")}>
          Reject it for good
        </button>
      </div>
      {said !== null && (said.isBad ? <Problem>{said.text}</Problem> : <p role="status">{said.text}</p>)}
    </form>
  );
}

function answerWords(found: Approval): string {
  if (found.note) return found.note;
  if (found.status !== "pending") return `The plan is ${found.status}.`;
  return `Counted: ${votesOf(found)} of ${found.quorum} have approved. It waits for the others.`;
}

function failureWords(failure: unknown): string {
  if (failure instanceof NoAnswer)
    return "The gateway did not answer: whether this counted is not known. Read the votes above again before you repeat it.";
  if (failure instanceof Refusal && failure.status === 412)
    return `${wordsOf(failure)} Nothing was decided: read it as it is now.`;
  return `${wordsOf(failure)} Nothing was decided.`;
}

function targetsOf(approval: Approval): string {
  const found = approval.contracts.map((text) => (JSON.parse(text) as { action: { target: string } }).action.target);
  return [...new Set(found)].join(" ");
}
