// Asks for an API key, and tries it before anything is shown.
import { type FormEvent, type ReactNode, useState } from "react";

import { Api, Refusal, wordsOf } from "./api.ts";
import { Problem } from "./parts.tsx";

export function SignIn({ onKey }: { onKey: (key: string) => void }): ReactNode {
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [isAsking, setAsking] = useState(false);

  async function tryKey(event: FormEvent): Promise<void> {
    event.preventDefault();
    setAsking(true);
    setProblem(null);
    try {
      await new Api(key.trim()).page("/api/approvals?limit=1");
      onKey(key.trim());
    } catch (failure) {
      const lacks = failure instanceof Refusal && failure.status === 403;
      setProblem(lacks ? "This key may not read approvals: it needs the scope approvals:read." : wordsOf(failure));
    } finally {
      setAsking(false);
    }
  }

  return (
    <main className="sign-in">
      <h1>Grace</h1>
      <form onSubmit={(event) => void tryKey(event)}>
        <label htmlFor="key">API key</label>
        <input
          id="key"
          type="password"
          autoComplete="off"
          spellCheck={false}
          required
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
        <p className="hint">It stays in this tab until you sign out or close it, and goes to this gateway alone.</p>
        <button type="submit" className="main" disabled={isAsking || key.trim() === ""}>
          Sign in
        </button>
        {problem !== null && <Problem>{problem}</Problem>}
      </form>
    </main>
  );
}
