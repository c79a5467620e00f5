// The frame: who is signed in, where one is, whether news comes, whether the kill switch is on.
import { type ReactNode, useCallback, useEffect, useMemo, useState } from "react";

import { Api } from "./api.ts";
import { Approvals } from "./Approvals.tsx";
import { Chat } from "./Chat.tsx";
import { Guard } from "./Guard.tsx";
import { Gateway, useEvery, useLoaded, usePlace } from "./hooks.ts";
import { follow, type Mode } from "./live.ts";
import { Missions } from "./Missions.tsx";
import { Said } from "./parts.tsx";
import { SignIn } from "./SignIn.tsx";
import { System } from "./System.tsx";
import type { Brake, KillSwitch } from "./types.ts";

const SWITCH = "/api/governance/kill-switch";
const BRAKE = "/api/governance/brake";
const SWITCH_MS = 10_000; // no event tells of it
const NEWS: Record<Mode, string> = {
  live: "Live",
  polling: "Asking every 5 s",
  refused: "No news: the gateway refuses this key",
};
const KEPT = "grace.key"; // of this tab alone, gone with it

export function App(): ReactNode {
  const [key, setKey] = useState(() => sessionStorage.getItem(KEPT));
  const api = useMemo(() => (key === null ? null : new Api(key)), [key]);
  const signIn = (given: string): void => {
    sessionStorage.setItem(KEPT, given);
    setKey(given);
  };
  const signOut = (): void => {
    sessionStorage.removeItem(KEPT);
    setKey(null);
  };
  if (api === null) return <SignIn onKey={signIn} />;
  return (
    <Gateway value={api}>
      <Frame api={api} onSignOut={signOut} />
    </Gateway>
  );
}

function Frame({ api, onSignOut }: { api: Api; onSignOut: () => void }): ReactNode {
  const place = usePlace();
  const [mode, setMode] = useState<Mode>("polling");
  const [news, setNews] = useState(0);
  const changed = useCallback(() => setNews((count) => count + 1), []);
  useEffect(() => {
    const ended = new AbortController();
    void follow(api, ended.signal, setMode, changed);
    return () => ended.abort();
  }, [api, changed]);
  const [view = "", id = null] = place.split("/").filter(Boolean).map(decodeURIComponent);
  return (
    <>
      <header>
        <strong>Grace</strong>
        <nav aria-label="Views">
          <Tab to="approvals" at={view || "approvals"}>Approvals</Tab>
          <Tab to="missions" at={view}>Missions</Tab>
          <Tab to="chat" at={view}>Chat</Tab>
          <Tab to="system" at={view}>System</Tab>
        </nav>
        <span className={`mode mode-${mode}`} role="status">
          {NEWS[mode]}
        </span>
        <button type="button" onClick={onSignOut}>Sign out</button>
      </header>
      <Switch news={news} />
      <Braked news={news} />
      <main>
        <Guard key={view}>
          {view === "missions" ? (
            <Missions id={id} />
          ) : view === "chat" ? (
            <Chat />
          ) : view === "system" ? (
            <System />
          ) : (
            <Approvals id={id} news={news} />
          )}
        </Guard>
      </main>
    </>
  );
}

const Tab = ({ to, at, children }: { to: string; at: string; children: ReactNode }): ReactNode => (
  <a href={`#/${to}`} aria-current={at === to ? "page" : undefined}>
    {children}
  </a>
);

/** Says so where nothing runs without people. Nothing where it does, or where this key may not know. */
function Braked({ news }: { news: number }): ReactNode {
  const { value: stands, reload } = useLoaded("brake", (api) => api.get<Brake>(BRAKE), news);
  useEvery(SWITCH_MS, reload);
  if (!stands?.is_on) return null;
  return (
    <p className="stopped" role="alert">
      The brake is on: <Said>{stands.reason}</Said> ({stands.changed_by}). Nothing runs without people until somebody lets it go: grace
      brake release.
    </p>
  );
}

/** Says so where nothing acts. Nothing where it is off, or where this key may not know. */
function Switch({ news }: { news: number }): ReactNode {
  const { value: stands, reload } = useLoaded("switch", (api) => api.get<KillSwitch>(SWITCH), news);
  useEvery(SWITCH_MS, reload);
  if (!stands?.is_on) return null;
  return (
    <p className="stopped" role="alert">
      The kill switch is on{stands.hard ? ", and nothing is undone either" : ""}: <Said>{stands.reason}</Said> ({stands.changed_by}).
      What is approved now does not act.
    </p>
  );
}
