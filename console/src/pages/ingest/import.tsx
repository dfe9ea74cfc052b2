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

/** Sends the file and reports each line of progress; gives what failed, or null. */
async function send(path: string, file: File, onProgress: (progress: Progress) => void): Promise<Failure | null> {
  try {
    const answer = await fetch(`/console/api/${path}`, { method: "POST", headers: { "X-Chatmetric": "1", "Content-Type": "application/octet-stream" }, body: file, credentials: "same-origin" });
    if (!answer.ok || !answer.body) {
      const said = (await answer.json().catch(() => ({}))) as { code?: string; message?: string; requestId?: string };
      return failure(answer.status >= 500 ? "broken" : "refused", said.code ?? `HTTP ${answer.status}`, said.message ?? "", { status: answer.status, requestId: said.requestId ?? null });
    }
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      rest += value ?? "";
      const lines = rest.split("\n");
      rest = done ? "" : (lines.pop() ?? "");
      for (const line of lines) if (line.trim() !== "") onProgress(JSON.parse(line) as Progress);
      if (done) return null;
    }
  } catch {
    // A file that was saved again after it was chosen cannot be read any more; choosing it again helps.
    const readable = await file.slice(0, 1).arrayBuffer().then(() => true, () => false);
    return readable ? failure("offline", "Offline", "") : failure("refused", m.fileChanged, "");
  }
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
    setError(await send(`import${query({ space, format, name: file.name })}`, file, setProgress));
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
