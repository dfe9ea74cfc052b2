// Who is signed in, for every page. `epoch` counts sign-ins, so that what failed because the
// session was over is loaded again. It shows nothing.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { get } from "./api.ts";
import { heard } from "./clock.ts";
import type { Session, SignedIn } from "./types.ts";
import type { Result } from "./api.ts";

export interface SessionValue {
  session: SignedIn;
  epoch: number;
}
export const SessionContext = createContext<SessionValue | null>(null);

export const useEpoch = (): number => useContext(SessionContext)?.epoch ?? 0;

export function useSession(): SignedIn {
  const value = useContext(SessionContext);
  if (!value) throw new Error("a page without a session");
  return value.session;
}

/** Whether a button should be there. The server decides; this only hides what would fail. */
export function useMay(): (action: string) => boolean {
  const { rights } = useSession();
  return (action) => rights.some((right) => right === action || right === "*" || (right.endsWith(":*") && action.startsWith(right.slice(0, -1))));
}

export async function loadSession(): Promise<Result<Session>> {
  const result = await get<Session>("session");
  if (result.ok && result.data.state === "signedIn") heard(result.data.serverMs);
  return result;
}
