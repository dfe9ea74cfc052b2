// The signature debugger: a pasted request, and where its signature leaves the server's. The same
// code as `chatmetric sign explain`, asked over the console's API.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call } from "../api.ts";
import { useAct } from "../components/act.ts";
import { Text } from "../components/field.tsx";
import { Banner, Failed } from "../components/states.tsx";
import { Frame } from "../lazy.tsx";
import { explorer, signature as m } from "../messages/en/explorer.ts";
import { shell } from "../messages/en/shell.ts";
import { taken } from "./explorer/handover.ts";
import { Code } from "./explorer/views.tsx";

interface Excerpt {
  text: string;
  at: number;
}
interface Finding {
  weight: string;
  code: string;
  what: string;
  fix: string;
  difference: { text: string; part: string; line: number; column: number; ours: Excerpt; theirs: Excerpt } | null;
}
interface Line {
  part: string;
  text: string;
}
interface Explanation {
  verdict: { outcome: string; code?: string; message?: string };
  findings: Finding[];
  request: Record<string, unknown> & { headers: { name: string; value: string; signed: boolean }[] };
  signed: { algorithm: string; canonical: Line[]; string_to_sign: Line[] } | null;
  notes: string[];
}

function Marked(props: { excerpt: Excerpt }): JSX.Element {
  const characters = [...props.excerpt.text];
  return (
    <code>
      {characters.slice(0, props.excerpt.at).join("")}
      <mark>{characters[props.excerpt.at] ?? "\u00a0"}</mark>
      {characters.slice(props.excerpt.at + 1).join("")}
    </code>
  );
}

function FindingRow(props: { finding: Finding }): JSX.Element {
  const { finding } = props;
  return (
    <div class="finding">
      <div class="row">
        <span class={`state ${finding.weight === "cause" ? "bad" : finding.weight === "warning" ? "warn" : ""}`}>{m.weights[finding.weight] ?? finding.weight}</span>
        <code>{finding.code}</code>
      </div>
      <p>{finding.what}</p>
      {finding.fix && <p class="quiet">{finding.fix}</p>}
      {finding.difference && (
        <>
          <p class="hint">{m.differs(`${finding.difference.text}: ${finding.difference.part}`, finding.difference.line, finding.difference.column)}</p>
          <div class="diff">
            <span>{m.ours}</span>
            <Marked excerpt={finding.difference.ours} />
            <span>{m.theirs}</span>
            <Marked excerpt={finding.difference.theirs} />
          </div>
        </>
      )}
    </div>
  );
}

const joined = (lines: Line[]): string => lines.map((line) => line.text).join("\n");

function Explained(props: { explanation: Explanation }): JSX.Element {
  const { verdict, findings, request, signed, notes } = props.explanation;
  const good = verdict.outcome === "matches";
  return (
    <div class="stack">
      <Banner tone={good ? "ok" : verdict.outcome === "not_checked" ? "warn" : "bad"}>
        <h2>{m.verdicts[verdict.outcome] ?? verdict.outcome}</h2>
        {verdict.code && (
          <p>
            <code>{verdict.code}</code> {verdict.message}
          </p>
        )}
      </Banner>
      {findings.length > 0 && (
        <section class="card card-body">
          {findings.map((finding, at) => (
            <FindingRow key={at} finding={finding} />
          ))}
        </section>
      )}
      {signed && signed.canonical.length > 0 && <Code title={explorer.canonical} text={joined(signed.canonical)} />}
      {signed && <Code title={explorer.toSign} text={joined(signed.string_to_sign)} />}
      <section class="card card-body stack tight">
        <h2>{m.facts}</h2>
        <dl class="facts">
          {Object.entries(m.fields).map(([key, title]) => (
            <div class="contents" key={key}>
              <dt>{title}</dt>
              <dd class="mono">{String(request[key] ?? shell.none)}</dd>
            </div>
          ))}
          {request.headers.map((header, at) => (
            <div class="contents" key={at}>
              <dt class="mono">{header.name}</dt>
              <dd class="mono">
                {header.value} <span class="chip">{header.signed ? m.signedHeader : m.unsignedHeader}</span>
              </dd>
            </div>
          ))}
        </dl>
        {notes.map((note) => (
          <p class="hint" key={note}>
            {note}
          </p>
        ))}
      </section>
    </div>
  );
}

export default function SignaturePage(): JSX.Element {
  const [handed] = useState(taken);
  const [text, setText] = useState(handed);
  const [secret, setSecret] = useState("");
  const [explanation, setExplanation] = useState<Explanation | null>(null);
  const act = useAct();
  const explain = (event: Event): void => {
    event.preventDefault();
    void act.run(() => call<Explanation>("POST", "sign/explain", { text, ...(secret ? { secret } : {}) }), setExplanation);
  };
  return (
    <Frame title={shell.pages.signature} lead={m.lead}>
      <div class="split">
        <form class="card card-body stack" onSubmit={explain}>
          <Text label={m.request} lines={14} mono value={text} onValue={setText} placeholder={m.placeholder} hint={handed !== "" && text === handed ? m.handedOver : undefined} required />
          <Text label={m.secret} type="password" mono value={secret} onValue={setSecret} hint={m.secretHint} />
          <Failed error={act.error} />
          <div class="row end">
            <button class="button primary" type="submit" disabled={act.busy || text.trim() === ""}>
              {m.explain}
            </button>
          </div>
        </form>
        <div aria-live="polite">{explanation && <Explained explanation={explanation} />}</div>
      </div>
    </Frame>
  );
}
