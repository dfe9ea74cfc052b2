// Importing a file: dropped or chosen, streamed to the server, with what it says on the way.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { failure, get, query } from "../../api.ts";
import type { Failure } from "../../api.ts";
import { Select } from "../../components/field.tsx";
import { FileDrop } from "../../components/file_drop.tsx";
import { useLoad } from "../../components/load.ts";
import { Banner, Failed } from "../../components/states.tsx";
import { count } from "../../format.ts";
import { ingest as m } from "../../messages/en/ingest.ts";
import type { Space } from "../../types.ts";

interface Progress {
  rows: number;
  new: number;
  duplicate: number;
  ignored: number;
  late: number;
  quarantined: number;
  bad: number;
  done: boolean;
  error?: string;
  badLines?: { line: number; message: string }[];
}

const FILE_BYTES_MAX = 256 * 1024 * 1024;
const FORMATS = ["auto", "ndjson", "csv", "parquet", "whatsapp", "cams"];

/** The lines of an answer that have not been told before; the last one may still be coming. */
function lines(text: string, from: number, whole: boolean): { told: Progress[]; to: number } {
  const to = whole ? text.length : text.lastIndexOf("\n") + 1;
  const fresh = text.slice(from, Math.max(from, to)).split("\n");
  return { told: fresh.filter((line) => line.trim() !== "").map((line) => JSON.parse(line) as Progress), to: Math.max(from, to) };
}

function refusal(request: XMLHttpRequest): Failure {
  let said: { code?: string; message?: string; requestId?: string } = {};
  try {
    said = JSON.parse(request.responseText) as typeof said;
  } catch {
    // Something between here and the server answered.
  }
  return failure(request.status >= 500 ? "broken" : "refused", said.code ?? `HTTP ${request.status}`, said.message ?? "", { status: request.status, requestId: said.requestId ?? null });
}

const isReadable = (file: File): Promise<boolean> => file.slice(0, 1).arrayBuffer().then(() => true, () => false);

/**
 * Sends the file, tells how much of it is sent and each line of progress; gives what failed, or
 * null. Not by fetch, which tells nothing before the whole file is sent.
 */
async function send(path: string, file: File, onSent: (share: number) => void, onProgress: (progress: Progress) => void): Promise<Failure | null> {
  // A file that was saved again after it was chosen cannot be read any more; choosing it again
  // helps. A request with it would neither be sent nor fail.
  if (!(await isReadable(file))) return failure("refused", m.fileChanged, "");
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    let read = 0;
    const tell = (whole: boolean): void => {
      if (request.status !== 200) return;
      const { told, to } = lines(request.responseText, read, whole);
      read = to;
      for (const progress of told) onProgress(progress);
    };
    request.open("POST", `/console/api/${path}`);
    request.setRequestHeader("X-Chatmetric", "1");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => onSent(event.total > 0 ? event.loaded / event.total : 1);
    request.upload.onload = () => onSent(1);
    request.onprogress = () => tell(false);
    request.onload = () => {
      try {
        tell(true);
        resolve(request.status === 200 ? null : refusal(request));
      } catch {
        resolve(failure("broken", `HTTP ${request.status}`, "", { status: request.status }));
      }
    };
    const failed = (): void => void isReadable(file).then((readable) => resolve(readable ? failure("offline", "Offline", "") : failure("refused", m.fileChanged, "")));
    request.onerror = failed;
    request.onabort = failed;
    request.send(file);
  });
}

/** What became of the file, in one line. */
function Outcome({ of }: { of: Progress }): JSX.Element | null {
  if (of.error) {
    return (
      <Banner tone="bad">
        <b>{m.stopped}</b> {of.error}
      </Banner>
    );
  }
  if (!of.done) return null;
  if (of.bad === 0) return <Banner tone="ok">{of.rows === 0 ? m.nothing : m.done}</Banner>;
  return of.bad === of.rows ? <Banner tone="bad">{m.noneReadable}</Banner> : <Banner tone="warn">{m.doneBut(count(of.bad))}</Banner>;
}

export function ImportTab(): JSX.Element {
  const spaces = useLoad("spaces", (signal) => get<{ spaces: Space[] }>("spaces", signal));
  const own = (spaces.data?.spaces ?? []).filter((space) => !space.isvCode);
  const [chosen, setChosen] = useState("");
  const [format, setFormat] = useState("auto");
  const [file, setFile] = useState<File | null>(null);
  const [busy, setBusy] = useState(false);
  const [sent, setSent] = useState<number | null>(null);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [error, setError] = useState<Failure | null>(null);
  const space = chosen || (own.find((one) => one.default) ?? own[0])?.id || "";
  const take = (next: File): void => {
    setFile(next);
    setProgress(null);
    setError(null);
  };
  const start = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!file) return;
    setBusy(true);
    setError(null);
    setProgress(null);
    setSent(0);
    setError(await send(`import${query({ space, format, name: file.name })}`, file, setSent, setProgress));
    setSent(null);
    setBusy(false);
  };
  const tooLarge = file !== null && file.size > FILE_BYTES_MAX;
  const figures = ["rows", "new", "duplicate", "ignored", "late", "quarantined", "bad"] as const;
  const title = (key: (typeof figures)[number]): string => (key === "rows" ? m.rows : key === "bad" ? m.bad : m.books[key]);
  return (
    <form class="card card-body stack" onSubmit={(event) => void start(event)}>
      <p class="quiet">{m.importWhat}</p>
      <Failed error={spaces.error} />
      <FileDrop label={m.file} choose={m.choose} file={file} onFile={take} />
      {tooLarge && <Banner tone="bad">{m.tooLarge}</Banner>}
      <div class="columns">
        <Select label={m.space} value={space} options={own.map((one) => ({ value: one.id, label: one.id }))} onValue={setChosen} />
        <Select label={m.format} value={format} options={FORMATS.map((one) => ({ value: one, label: m.formats[one]! }))} onValue={setFormat} />
      </div>
      <div class="row end">
        <button type="submit" class="button primary" disabled={busy || !file || tooLarge || space === ""}>
          {busy ? m.importing : m.start}
        </button>
      </div>
      <Failed error={error} />
      {sent !== null && file && (
        <label class="stack tight">
          <span class="quiet">{sent < 1 ? m.sending(`${Math.floor(sent * 100)}\u202f%`) : m.allSent}</span>
          <progress max={1} value={sent} style={{ width: "100%" }} />
        </label>
      )}
      <div aria-live="polite">
        {progress && (
          <div class="stack">
            <Outcome of={progress} />
            <dl class="figures">
              {figures.map((key) => (
                <div key={key}>
                  <dt>{title(key)}</dt>
                  <dd>{count(progress[key])}</dd>
                </div>
              ))}
            </dl>
            {progress.badLines && progress.badLines.length > 0 && (
              <section class="stack tight">
                <h2>{m.badLines}</h2>
                <dl class="facts">
                  {progress.badLines.map((bad) => (
                    <div class="contents" key={bad.line}>
                      <dt>{m.line(count(bad.line))}</dt>
                      <dd>{bad.message}</dd>
                    </div>
                  ))}
                </dl>
              </section>
            )}
          </div>
        )}
      </div>
    </form>
  );
}
