// Questions in plain words, and what Grace knows of them. The chat reads: nothing is done by asking.
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";

import { wordsOf } from "./api.ts";
import { useApi } from "./hooks.ts";
import { Problem, Said } from "./parts.tsx";
import { aboutOf, MOST_CHARACTERS, placeOf, sayable, sourceWords } from "./talk.ts";
import type { ChatAnswer } from "./types.ts";

interface Turn {
  question: string;
  answer: ChatAnswer | null;
  problem: string | null;
}

const MOST_TURNS = 50;

export function Chat(): ReactNode {
  const api = useApi();
  const [turns, setTurns] = useState<Turn[]>([]);
  const [words, setWords] = useState("");
  const [asks, setAsks] = useState(false);
  const end = useRef<HTMLDivElement>(null);
  const question = sayable(words);
  useEffect(() => {
    end.current?.scrollIntoView({ block: "nearest" }); // what it returns is no clean-up
  }, [turns, asks]);

  const ask = (event: FormEvent): void => {
    event.preventDefault();
    if (question === null || asks) return;
    const told = (answer: ChatAnswer | null, problem: string | null): void => {
      setTurns((before) => [...before, { question, answer, problem }].slice(-MOST_TURNS));
      setAsks(false);
    };
    setAsks(true);
    setWords("");
    const body = { message: question, about: aboutOf(turns.map((each) => each.answer)) };
    api.question<ChatAnswer>("/api/chat", body).then(
      (answer) => told(answer, null),
      (failure: unknown) => told(null, wordsOf(failure)),
    );
  };

  return (
    <section>
      <h1>Chat</h1>
      <p className="hint">Ask what is open, why something waits, or `help`. Nothing is done by asking, and nothing is kept.</p>
      <ol className="talk" aria-live="polite">
        {turns.map((each, place) => (
          <Exchange key={place} turn={each} />
        ))}
      </ol>
      {asks && <p className="hint" role="status">Grace looks ..</p>}
      <form className="ask" onSubmit={ask}>
        <label>
          Question
          <input value={words} maxLength={MOST_CHARACTERS} autoComplete="off" onChange={(event) => setWords(event.target.value)} />
        </label>
        <button type="submit" className="main" disabled={question === null || asks}>Ask</button>
      </form>
      <div ref={end} />
    </section>
  );
}

const Exchange = ({ turn }: { turn: Turn }): ReactNode => (
  <li>
    <p className="asked">
      <Said>{turn.question}</Said>
    </p>
    {turn.problem !== null && <Problem>{turn.problem}</Problem>}
    {turn.answer !== null && <Answer answer={turn.answer} />}
  </li>
);

const Answer = ({ answer }: { answer: ChatAnswer }): ReactNode => (
  <>
    {answer.degraded && <Problem>Only a part: {answer.reasons.join("; ")}.</Problem>}
    <p className="told">
      <Said>{answer.answer}</Said>
    </p>
    {answer.about.some((each) => placeOf(each) !== null) && (
      <p className="more">
        {answer.about.map((each) => {
          const place = placeOf(each);
          return place && <a key={place} href={place}>{each.id}</a>;
        })}
      </p>
    )}
    <ul className="more">
      {answer.parts.flatMap((part) => part.sources).map((each, place) => (
        <li key={place}>
          <Said>{sourceWords(each)}</Said>
        </li>
      ))}
    </ul>
  </>
);
