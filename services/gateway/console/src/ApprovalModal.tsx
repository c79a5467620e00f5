// One approval: what would be done, and the decision on exactly that.
import { type ReactNode, useEffect, useRef, useState } from "react";

import { Contracts } from "./Contracts.tsx";
import { Decision } from "./Decision.tsx";
import { useLoaded, useNow } from "./hooks.ts";
import { Empty, Expiry, Fact, Moment, Problem, Said, StatusBadge, TierBadge } from "./parts.tsx";
import { isWhole } from "./shown.ts";
import type { Approval } from "./types.ts";
import { statusWords, toneOf } from "./words.ts";

interface Asked {
  id: string;
  news: number;
  onDecided: () => void;
}

export function ApprovalModal({ id, news, onDecided }: Asked): ReactNode {
  const path = `/api/approvals/${encodeURIComponent(id)}`;
  const newest = useLoaded(path, (api) => api.get<Approval>(path), news);
  // What is read is what is decided on: what comes later is shown when it is asked for.
  const [read, setRead] = useState<Approval | null>(null);
  useEffect(() => setRead((shown) => shown ?? newest.value), [newest.value]);
  const decided = (approval: Approval): void => {
    setRead(approval);
    newest.reload();
    onDecided();
  };
  const isOld = read !== null && newest.value !== null && newest.value.version > read.version;
  return (
    <Dialog>
      {newest.problem !== null && <Problem>{newest.problem}</Problem>}
      {read === null ? (
        newest.problem === null && <Empty>Asking ...</Empty>
      ) : (
        <>
          {isOld && (
            <Problem>
              This approval has changed since you opened it.{" "}
              <button type="button" onClick={() => setRead(newest.value)}>
                Show it as it is now
              </button>
            </Problem>
          )}
          <Whole approval={read} isOld={isOld} onDecided={decided} />
        </>
      )}
    </Dialog>
  );
}

function Whole(props: { approval: Approval; isOld: boolean; onDecided: (approval: Approval) => void }): ReactNode {
  const { approval } = props;
  return (
    <>
      <h2>{approval.playbook}</h2>
      <p>
        <TierBadge tier={approval.tier} />{" "}
        <StatusBadge tone={toneOf(approval.status)}>{statusWords(approval.status)}</StatusBadge>
      </p>
      <Facts approval={approval} />
      {isWhole(approval) ? (
        <>
          <Contracts texts={approval.contracts} />
          <p className="hash">
            {approval.status === "pending" ? "You decide on" : "This was about"} <code>{approval.shown_hash}</code>,
            computed here from the texts above.
          </p>
          {approval.status === "pending" && <Decision {...props} />}
          {approval.status === "granted" && <p role="status">Granted. What becomes of it is told by its mission.</p>}
        </>
      ) : (
        <Problem>
          The texts of this plan are not those that its hash stands for. Nothing can be decided on them here: tell
          whoever runs Grace.
        </Problem>
      )}
    </>
  );
}

function Facts({ approval }: { approval: Approval }): ReactNode {
  const now = useNow();
  return (
    <dl>
      <Fact name="Asked by">{[approval.requested_by, ...(approval.joined_by ?? [])].join(", ")}</Fact>
      <Fact name="Asked">
        <Moment at={approval.requested_at} />
      </Fact>
      <Fact name="Needs">
        {approval.quorum} {approval.quorum === 1 ? "person" : "different people"}, none of whom asked for it
      </Fact>
      {approval.status === "pending" && (
        <Fact name="Ends">
          <Expiry at={approval.expires_at} now={now} />
        </Fact>
      )}
      {approval.escalated_to && <Fact name="Escalated to">{approval.escalated_to}</Fact>}
      {approval.review_id && <Fact name="Review">The glass was broken: {approval.review_id} is due.</Fact>}
      <Fact name="Votes">
        {approval.votes.length === 0 ? "none yet" : approval.votes.map((vote) => <VoteLine key={vote.at} {...vote} />)}
      </Fact>
      <Fact name="Mission">
        <a href={`#/missions/${encodeURIComponent(approval.mission_id)}`}>{approval.mission_id}</a>
      </Fact>
    </dl>
  );
}

const VoteLine = (vote: Approval["votes"][number]): ReactNode => (
  <div>
    {vote.principal} {vote.choice === "approve" ? "approved" : "rejected"}
    {vote.seat ? ` for ${vote.seat}` : ""}, <Moment at={vote.at} />
    {vote.reason && (
      <>
        : <Said>{vote.reason}</Said>
      </>
    )}
  </div>
);

/** Over the list, until it is closed by its button, by Escape or by going elsewhere. */
function Dialog({ children }: { children: ReactNode }): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  const leave = (): void => {
    location.hash = "#/approvals";
  };
  return (
    <dialog ref={dialog} onCancel={leave} aria-label="Approval">
      <button type="button" className="close" onClick={leave}>
        Close
      </button>
      {children}
    </dialog>
  );
}
