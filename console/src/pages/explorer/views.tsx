// What stands right of the form: response, signed request, documentation, history.
import type { JSX } from "preact";
import { CopyButton } from "../../components/copy.tsx";
import { Banner, DeniedStatement, EmptyState, Failed } from "../../components/states.tsx";
import { When } from "../../components/when.tsx";
import { count } from "../../format.ts";
import { gatewayCodes, helpFor } from "../../messages/en/errors.ts";
import { explorer as m } from "../../messages/en/explorer.ts";
import { shell } from "../../messages/en/shell.ts";
import { navigate, to } from "../../router.ts";
import type { CallAnswer, Operation } from "../../types.ts";
import { handOver } from "./handover.ts";
import type { Past } from "./history.ts";
import { isOfForm, saidIn } from "./outcome.ts";
import type { Outcome, Params } from "./outcome.ts";
import { pretty, wireOf } from "./run.ts";

export function Code(props: { title: string; text: string }): JSX.Element {
  return (
    <section class="code" aria-label={props.title}>
      <div class="code-head">
        <h3>{props.title}</h3>
        <CopyButton text={props.text} slim name={`${shell.copy}: ${props.title}`} />
      </div>
      <pre tabIndex={0}>{props.text}</pre>
    </section>
  );
}

const written = (params: Params): string => Object.entries(params).map(([name, value]) => `${name}=${value}`).join(" ");

export function ResponseView(props: { outcome: Outcome | null; params: Params }): JSX.Element {
  const { outcome } = props;
  return (
    <div class="stack">
      {outcome && !isOfForm(outcome, props.params) && (
        <Banner>
          {m.otherForm} <span class="mono block">{written(outcome.params) || m.withoutParameters}</span>
        </Banner>
      )}
      {outcome?.error ? <Failed error={outcome.error} /> : <Answered answer={outcome?.answer ?? null} />}
    </div>
  );
}

function Answered(props: { answer: CallAnswer | null }): JSX.Element {
  const { answer } = props;
  if (!answer) {
    return (
      <EmptyState title={m.noResponse}>
        <p>{m.noResponseWhat}</p>
      </EmptyState>
    );
  }
  const body = saidIn(answer.body);
  const failed = answer.status >= 400;
  const known = helpFor(body.Code ?? "");
  return (
    <div class="stack">
      <div class="outcome">
        <span class={`state ${failed ? "bad" : "ok"}`}>
          <b>
            {answer.status} {answer.reason}
          </b>
        </span>
        <span class="quiet">{m.took(count(answer.tookMs))}</span>
        {Array.isArray(body.Data) && <span class="quiet">{m.rows(count(body.Data.length))}</span>}
        {answer.requestId && (
          <span class="row">
            <span class="request-id">{answer.requestId}</span>
            <CopyButton text={answer.requestId} slim name={`${shell.copy} RequestId`} />
          </span>
        )}
      </div>
      {failed && (
        <div class="banner bad" role="alert">
          <div class="stack tight">
            <h3>{body.Code}</h3>
            <p>{body.Message}</p>
            {known?.cause && (
              <p>
                <b>{m.cause}:</b> {known.cause}
              </p>
            )}
            {known?.cure && (
              <p>
                <b>{m.cure}:</b> {known.cure}
              </p>
            )}
            {answer.denied && <DeniedStatement denied={answer.denied} />}
          </div>
        </div>
      )}
      <Code title={m.body} text={pretty(answer.body)} />
      <section>
        <h3>{m.headers}</h3>
        <dl class="facts headers">
          {answer.headers.map(([name, value]) => (
            <div key={name}>
              <dt class="mono">{name}</dt>
              <dd class="mono">{value}</dd>
            </div>
          ))}
        </dl>
      </section>
    </div>
  );
}

export function SignedView(props: { answer: CallAnswer | null }): JSX.Element {
  const { answer } = props;
  if (!answer) return <EmptyState title={m.tabs.signed}><p>{m.noSigned}</p></EmptyState>;
  const { request } = answer;
  const wire = wireOf(answer);
  const debug = (): void => {
    handOver(wire);
    navigate(to("signature"));
  };
  return (
    <div class="stack">
      <Code title={m.wire} text={wire} />
      <Code title={m.canonical} text={request.canonicalRequest} />
      <Code title={m.toSign} text={request.stringToSign} />
      <div class="row">
        <button type="button" class="button" onClick={debug}>
          {m.debugThis}
        </button>
      </div>
    </div>
  );
}

/** A release has a version, and a date once it is out; the notes of an operation may have a date alone. */
interface Change {
  version?: string;
  date: string | null;
  text: string;
}

export function DocsView(props: { operation: Operation }): JSX.Element {
  const { operation } = props;
  const changes: Change[] = operation.changes;
  return (
    <div class="stack docs">
      <p>{operation.summary}</p>
      {operation.description && operation.description !== operation.summary && <p>{operation.description}</p>}
      <section>
        <h3>{m.authorization}</h3>
        <p>{operation.ramAction ? <code>{operation.ramAction}</code> : m.noAction}</p>
      </section>
      <section>
        <h3>{m.throttling}</h3>
        <p>{m.throttlingWhat(count(operation.callsPerSecond))}</p>
      </section>
      {operation.parameters.length > 0 && <DocTable title={m.parameters} heads={[m.name, m.type, m.description, m.example]} rows={operation.parameters.map((one) => [<code>{one.name}</code>, `${one.format ?? one.type}${one.required ? `, ${m.required.toLowerCase()}` : ""}`, one.description, <code>{one.example}</code>])} />}
      <DocTable title={m.response} heads={[m.name, m.type, m.description, m.example]} rows={operation.response.map((one) => [<code>{one.name}</code>, one.type, one.description, <code>{one.example}</code>])} />
      {operation.errors.length > 0 && <DocTable title={m.errors} heads={[m.code, m.status, m.cause, m.cure]} rows={operation.errors.map((one) => [<code>{one.code}</code>, String(one.status), helpFor(one.code)?.cause ?? one.message, helpFor(one.code)?.cure ?? ""])} />}
      <DocTable title={m.gatewayErrors} heads={[m.code, m.status, m.cause, m.cure]} rows={gatewayCodes(operation.product).map((code) => [<code>{code}</code>, String(helpFor(code)?.status ?? ""), helpFor(code)?.cause ?? "", helpFor(code)?.cure ?? ""])} />
      <section>
        <h3>{m.changes}</h3>
        {changes.length === 0 ? (
          <p class="quiet">{m.noChanges}</p>
        ) : (
          <dl class="facts">
            {changes.map((one) => (
              <div key={one.text} class="contents">
                <dt>{one.version ? m.release(one.version, one.date) : one.date}</dt>
                <dd>{one.text}</dd>
              </div>
            ))}
          </dl>
        )}
      </section>
    </div>
  );
}

function DocTable(props: { title: string; heads: string[]; rows: (JSX.Element | string)[][] }): JSX.Element {
  return (
    <section>
      <h3>{props.title}</h3>
      <div class="table-wrap plain" tabIndex={0} role="region" aria-label={props.title}>
        <table class="table">
          <thead>
            <tr>
              {props.heads.map((head) => (
                <th key={head} scope="col">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {props.rows.map((row, at) => (
              <tr key={at}>
                {row.map((cell, column) => (
                  <td key={column}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

export function HistoryView(props: { past: Past[]; onRefill: (past: Past) => void }): JSX.Element {
  if (props.past.length === 0) return <EmptyState title={m.tabs.history}><p>{m.noHistory}</p></EmptyState>;
  return (
    <ul class="history">
      {props.past.map((one) => (
        <li key={one.id}>
          <span class={`state ${one.answer.status >= 400 ? "bad" : "ok"}`}>{one.answer.status}</span>
          <span class="grow">
            <code>{one.operation}</code> <When ms={one.atMs} />
            <span class="hint mono block">{written(one.params)}</span>
          </span>
          <button type="button" class="button slim" onClick={() => props.onRefill(one)}>
            {m.refill}
          </button>
        </li>
      ))}
    </ul>
  );
}

