// What a plan would do, action by action, from the very texts that are approved.
import type { ReactNode } from "react";

import { Fact, Problem } from "./parts.tsx";
import type { Contract } from "./types.ts";
import { expectationWords, laidOut } from "./words.ts";

export const Contracts = ({ texts }: { texts: readonly string[] }): ReactNode => (
  <ol className="actions">
    {texts.map((text) => (
      <li key={text}>
        <Action text={text} />
        <details>
          <summary>The text that is approved, as it is hashed</summary>
          <pre>{laidOut(text)}</pre>
        </details>
      </li>
    ))}
  </ol>
);

function Action({ text }: { text: string }): ReactNode {
  const contract = contractOf(text);
  if (contract === null) return <Problem>This contract cannot be shown in parts: read its text.</Problem>;
  const { action, baseline = [] } = contract;
  return (
    <>
      <h3>
        {action.operation} <span className="on">on</span> {action.target}
        {action.environment ? ` (${action.environment})` : ""}
      </h3>
      <dl>
        <Fact name="With">
          <pre>{laidOut(action.params)}</pre>
        </Fact>
        <Fact name="Undo">{action.reversible ? "is undone where it does not hold" : "cannot be undone"}</Fact>
        <Fact name="Holds if">
          {(action.expectations ?? []).map((each) => (
            <div key={each.field}>
              <code>{each.field}</code> is {expectationWords(each.comparison, each.value)}
            </div>
          ))}
          <div>
            measured by {action.measurement.operation} on {action.measurement.target}
          </div>
        </Fact>
        {baseline.length > 0 && (
          <Fact name="Before">{baseline.map((each) => `${each.field} ${each.value}`).join(", ")}</Fact>
        )}
        <Fact name="At most">{action.timeout_ms / 1000} s</Fact>
      </dl>
    </>
  );
}

/** The contract in a text; null where it has not what is to be shown. */
function contractOf(text: string): Contract | null {
  try {
    const found = JSON.parse(text) as Contract;
    return typeof found.action?.operation === "string" && typeof found.action.measurement?.operation === "string"
      ? found
      : null;
  } catch {
    return null;
  }
}
