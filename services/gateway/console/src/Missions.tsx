// What became of incidents: missions, and the story of one.
import { type ReactNode, useState } from "react";

import { Filters } from "./Approvals.tsx";
import { useLoaded } from "./hooks.ts";
import { Empty, Fact, Moment, Problem, Said, StatusBadge } from "./parts.tsx";
import type { Mission, TimelineEntry } from "./types.ts";
import { missionTone, missionWords } from "./words.ts";

const FILTERS = ["all", "open", "needs_attention", "verified", "rolled_back", "failed"];

export const Missions = ({ id }: { id: string | null }): ReactNode =>
  id === null ? <List /> : <Story key={id} id={id} />;

function List(): ReactNode {
  const [status, setStatus] = useState("all");
  const path = `/api/missions?limit=50${status === "all" ? "" : `&status=${status}`}`;
  const { value, problem, reload } = useLoaded(path, (api) => api.page<Mission>(path));
  return (
    <section>
      <h1>Missions</h1>
      <Filters names={FILTERS} chosen={status} onChoose={setStatus} />
      {problem !== null && <Problem>{problem}</Problem>}
      {value?.items.length === 0 && <Empty>None.</Empty>}
      <ul className="rows">
        {value?.items.map((each) => (
          <li key={each.mission_id}>
            <a href={`#/missions/${encodeURIComponent(each.mission_id)}`}>
              <span className="name">{each.kind}</span>
              <span>{each.target}</span>
              <StatusBadge tone={missionTone(each)}>{missionWords(each)}</StatusBadge>
              <span className="more">
                <Moment at={each.opened_at} />
              </span>
            </a>
          </li>
        ))}
      </ul>
      <button type="button" onClick={reload}>Ask again</button>
    </section>
  );
}

function Story({ id }: { id: string }): ReactNode {
  const path = `/api/missions/${encodeURIComponent(id)}`;
  const mission = useLoaded(path, (api) => api.get<Mission>(path));
  const told = useLoaded(`${path}/timeline`, (api) => api.get<TimelineEntry[]>(`${path}/timeline`));
  const reload = (): void => {
    mission.reload();
    told.reload();
  };
  return (
    <section>
      <h1>Mission</h1>
      <p>
        <a href="#/missions">All missions</a>
      </p>
      {mission.problem !== null && <Problem>{mission.problem}</Problem>}
      {mission.value !== null && <Facts mission={mission.value} />}
      {told.problem !== null && <Problem>{told.problem}</Problem>}
      <ol className="story">
        {told.value?.map((each) => (
          <li key={each.event_id}>
            <Moment at={each.at} /> <span className="on">{each.service}</span> <Said>{each.summary}</Said>
          </li>
        ))}
      </ol>
      <button type="button" onClick={reload}>Ask again</button>
    </section>
  );
}

const Facts = ({ mission }: { mission: Mission }): ReactNode => (
  <dl>
    <Fact name="What">
      {mission.kind} on {mission.target}
    </Fact>
    <Fact name="Stands">
      <StatusBadge tone={missionTone(mission)}>{missionWords(mission)}</StatusBadge>
    </Fact>
    {mission.reason && <Fact name="Why"><Said>{mission.reason}</Said></Fact>}
    <Fact name="Confidence">{mission.confidence}</Fact>
    <Fact name="Asked by">{mission.requested_by}</Fact>
    {mission.playbook && <Fact name="Playbook">{mission.playbook}</Fact>}
    <Fact name="Opened">
      <Moment at={mission.opened_at} />
    </Fact>
    {mission.closed_at && (
      <Fact name="Closed">
        <Moment at={mission.closed_at} />
      </Fact>
    )}
    {mission.contracts?.map((each) => (
      <Fact key={each.contract_id} name="Action">
        {each.operation} on {each.target}: {each.status.replaceAll("_", " ")}, confidence {each.confidence}
      </Fact>
    ))}
  </dl>
);
