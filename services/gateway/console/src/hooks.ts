// What several views need of React.
import { createContext, useCallback, useContext, useEffect, useRef, useState } from "react";

import { type Api, wordsOf } from "./api.ts";

export const Gateway = createContext<Api | null>(null);

export function useApi(): Api {
  const api = useContext(Gateway);
  if (api === null) throw new Error("nobody is signed in");
  return api;
}

export interface Loaded<T> {
  value: T | null;
  problem: string | null;
  reload: () => void;
}

/** Load something: anew when `key` changes, and again at each `news`, when what is there stays until its answer. */
export function useLoaded<T>(key: string, load: (api: Api) => Promise<T>, news = 0): Loaded<T> {
  const api = useApi();
  const [value, setValue] = useState<T | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const asked = useRef(0);
  const latest = useRef(load);
  latest.current = load;
  const reload = useCallback(() => {
    const mine = ++asked.current; // an answer that comes late is not the news
    latest.current(api).then(
      (found) => {
        if (mine !== asked.current) return;
        setValue(found);
        setProblem(null);
      },
      (failure: unknown) => {
        if (mine === asked.current) setProblem(wordsOf(failure));
      },
    );
  }, [api]);
  useEffect(() => {
    setValue(null);
    setProblem(null);
    reload();
    return () => void asked.current++;
  }, [key, reload]);
  useEffect(() => {
    if (news > 0) reload();
  }, [news, reload]);
  return { value, problem, reload };
}

/** Do something every so often. */
export function useEvery(ms: number, act: () => void): void {
  useEffect(() => {
    const timer = setInterval(act, ms);
    return () => clearInterval(timer);
  }, [ms, act]);
}

/** The moment, anew each second. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** The place within the console: what stands behind # in the address. */
export function usePlace(): string {
  const [place, setPlace] = useState(() => location.hash.slice(1));
  useEffect(() => {
    const moved = (): void => setPlace(location.hash.slice(1));
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return place;
}
