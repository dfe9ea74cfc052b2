// The licences of what the console carries, as the server has them.
import type { JSX } from "preact";
import { failure } from "../api.ts";
import type { Result } from "../api.ts";
import { useLoad } from "../components/load.ts";
import { Loaded } from "../components/states.tsx";
import { Frame } from "../lazy.tsx";
import { thirdParty as m } from "../messages/en/operator.ts";
import { shell } from "../messages/en/shell.ts";

async function licences(signal: AbortSignal): Promise<Result<string>> {
  try {
    const answer = await fetch("/console/third-party.txt", { signal });
    if (answer.ok) return { ok: true, data: await answer.text() };
    return { ok: false, error: failure("broken", `HTTP ${answer.status}`, "", { status: answer.status }) };
  } catch {
    return { ok: false, error: failure("offline", "Offline", "") };
  }
}

export default function ThirdPartyPage(): JSX.Element {
  const text = useLoad("third-party", licences);
  return (
    <Frame title={shell.pages.thirdParty} lead={m.lead}>
      <div class="card">
        <Loaded of={text}>{(data) => <pre class="plain-text" tabIndex={0}>{data}</pre>}</Loaded>
      </div>
    </Frame>
  );
}
