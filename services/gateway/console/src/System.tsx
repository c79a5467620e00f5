// Which services answer.
import type { ReactNode } from "react";

import { useLoaded } from "./hooks.ts";
import { Problem, StatusBadge } from "./parts.tsx";
import type { SystemHealth } from "./types.ts";

export function System(): ReactNode {
  const { value, problem, reload } = useLoaded("system", (api) => api.get<SystemHealth>("/api/health"));
  return (
    <section>
      <h1>System</h1>
      {problem !== null && <Problem>{problem}</Problem>}
      {value !== null && (
        <ul className="rows">
          {Object.entries(value.services).map(([name, stands]) => (
            <li key={name}>
              <span>{name}</span>
              <StatusBadge tone={stands === "up" ? "good" : "bad"}>{stands === "up" ? "answers" : "does not answer"}</StatusBadge>
            </li>
          ))}
        </ul>
      )}
      <button type="button" onClick={reload}>Ask again</button>
    </section>
  );
}
