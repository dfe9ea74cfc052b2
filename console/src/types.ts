// The answers of the console's API as docs/internals/console-api.md has them. Types only: what an
// answer means is decided where it is shown.

export interface Denied {
  action: string;
  resource: string;
  /** What would allow it; null when a policy denies it. */
  statement: unknown;
}

export interface Owner {
  id: string;
  name: string;
}

export type Session =
  | { state: "setup" }
  | { state: "signedOut" }
  | {
      state: "signedIn";
      account: Owner;
      user: string;
      operator: boolean;
      serverMs: number;
      version: string;
      endpoint: string;
      secure: boolean;
      rights: string[];
    };
export type SignedIn = Extract<Session, { state: "signedIn" }>;

export interface Space {
  id: string;
  default: boolean;
  timeZone: string;
  unknownNumbers: string;
  numbersMax: number;
  numbers: number;
  isvCode: string | null;
  owner: Owner;
}

export interface PhoneNumber {
  number: string;
  sinceMs: number;
  firstMs: number | null;
  lastMs: number | null;
  sent24h: number;
  delivered24h: number;
  state: "active" | "quiet" | "new";
}

export type Granularity = "half-hour" | "daily";

export interface Counts {
  sent: number[];
  delivered: number[];
  cohort: number[];
}
export interface Series extends Counts {
  number: string;
}

export interface Metrics {
  space: string;
  timeZone: string;
  granularity: Granularity;
  startMs: number;
  endMs: number;
  nowMs: number;
  floorMs: number | null;
  settlingFromMs: number;
  buckets: [number, number][];
  series: Series[];
  total?: Counts;
  failed: { number: string; code: string }[];
  numbersTotal: number;
}

/** How messages came to count; the total is the sum. */
export interface ExplanationShare {
  total: number;
  reported: number;
  implied: number;
  moved: number;
}

export interface Origin {
  /** Nothing for a source of another account, and for what was counted before sources were kept. */
  source: string | null;
  kind: string;
  sent: ExplanationShare;
  delivered: ExplanationShare;
  duplicates: number;
  late: number;
}

export interface Revision {
  receivedStartMs: number;
  receivedEndMs: number;
  sent: number;
  delivered: number;
}

/** What made the count of one interval of a number. */
export interface Explanation {
  space: string;
  timeZone: string;
  number: string;
  granularity: Granularity;
  startMs: number;
  endMs: number;
  sent: number;
  delivered: number;
  origins: Origin[];
  revisions: Revision[];
  settledSinceMs: number | null;
  finalMs: number | null;
}

export interface Change {
  number: string;
  startMs: number;
  sent: number;
  delivered: number;
  cohort: number;
}

export interface OperationParameter {
  name: string;
  type: string;
  format?: string | null;
  required: boolean;
  enum: string[] | null;
  default?: string | null;
  example: string;
  description: string;
  pattern?: string | null;
}
export interface Operation {
  name: string;
  product: string;
  version: string;
  kind: "read" | "write";
  summary: string;
  description: string;
  callsPerSecond: number;
  ramAction: string | null;
  parameters: OperationParameter[];
  response: { name: string; type: string; description: string; example: string }[];
  errors: { code: string; status: number; message: string }[];
  changes: { date: string; text: string }[];
}

export interface CallAnswer {
  status: number;
  reason: string;
  tookMs: number;
  headers: [string, string][];
  body: string;
  request: {
    method: string;
    target: string;
    headers: [string, string][];
    body: string;
    canonicalRequest: string;
    stringToSign: string;
  };
  requestId: string;
  denied: Denied | null;
}

export const BOOKS = [
  "received",
  "new",
  "duplicate",
  "moved",
  "ignored",
  "late",
  "quarantined",
  "released",
  "expired",
] as const;
export type Books = Record<(typeof BOOKS)[number], number>;

export interface Source {
  name: string;
  kind: string;
  lastMs: number | null;
  perSecond: number | null;
  books: Books;
  lagMs: { p50: number; p99: number } | null;
  stream: StreamPlace | null;
}
export interface StreamPlace {
  state: "connecting" | "reading" | "paused" | "away" | "stopped";
  why: string | null;
  sequence: number;
  lag: number | null;
  lastMs: number | null;
  missing: number;
  recreated: number;
}
export interface IngestState {
  sources: Source[];
  total: Books;
  health: "ready" | "waiting" | "poisoned";
  /** Of all accounts: the operator's alone. */
  queuedEvents: number | null;
  floorMs: number | null;
}
export interface Quarantined {
  id: string;
  receivedMs: number;
  source: string;
  space: string | null;
  reason: string;
  number: string | null;
  status: string | null;
  atMs: number | null;
  sealed: boolean;
}
export interface Unclaimed {
  number: string;
  events: number;
  firstMs: number;
  lastMs: number;
}

export interface Webhook {
  id: string;
  kind: string;
  space: string | null;
  url: string | null;
  appSecrets: number;
  lastMs: number | null;
  received: number;
}

export interface Grants {
  given: { code: string; account: string; users: string[]; spaces: string[] }[];
  received: { code: string; isv: Owner; spaces: string[] }[];
}

export interface AuditEntry {
  id: string;
  atMs: number;
  account: string;
  actor: string;
  sourceIp: string | null;
  requestId: string | null;
  accessKeyId: string | null;
  action: string;
  target: string | null;
  before: unknown;
  after: unknown;
}

export interface Alert {
  id: number;
  rule: string;
  state: string;
  account: string | null;
  subject: string;
  summary: string;
  facts: Record<string, unknown>;
  sinceMs: number;
  firedMs: number;
  resolvedMs: number | null;
  resolvedWhy: string | null;
  acknowledgedMs: number | null;
  acknowledgedBy: string | null;
  note: string | null;
}

export interface AlertsPage {
  alerts: Alert[];
  next: number | null;
  enabled: boolean;
  /** Of the operator alone. */
  told: { webhook: string | null; webhookError: string | null; alertmanager: string | null; alertmanagerError: string | null } | null;
}

export interface AccountRow {
  id: string;
  name: string;
  subscribed: boolean;
  callsPerSecond: number | null;
  spaces: number;
  numbers: number;
  users: number;
  sent31d: number | null;
  delivered31d: number | null;
}

export interface BackupState {
  dir: string | null;
  lastMs: number | null;
  id: string | null;
  positions: number[] | null;
  bytes: number | null;
  nextMs: number | null;
  made: number;
  failed: number;
  error: string | null;
  errorMs: number | null;
}

export interface ClusterState {
  node: string;
  connected: boolean;
  partitions: number;
  tallyReplicas: number;
  members: { name: string; tally: boolean; follows: number[] }[];
  replicas: { partition: number; applied: number; lag: number | null; answers: boolean }[];
}

export interface SystemState {
  version: string;
  commit: string | null;
  timeZones: string;
  startedMs: number;
  uptimeMs: number;
  dataDir: string;
  store: Record<string, number | null>;
  health: string;
  healthReason?: string | null;
  backup: BackupState;
  cluster?: ClusterState | null;
  floorMs: number | null;
  licences: string;
}

export interface AccountState {
  user: string;
  account: Owner;
  sessions: { id: string; createdMs: number; usedMs: number; address: string; agent: string; current: boolean }[];
}

export type ReconciledStatus = "matched" | "ours_only" | "theirs_only" | "differs" | "settling";
export interface Counted {
  sent: number;
  delivered: number;
}
export interface ReconciledRow {
  startMs: number;
  endMs: number;
  number: string;
  status: ReconciledStatus;
  within: boolean;
  ours: Counted;
  theirs: Counted;
  difference: Counted;
}
/** What `POST reconcile` found. */
export interface Reconciled {
  against: string;
  status: "within" | "beyond" | "not_comparable";
  granularity: Granularity;
  startMs: number | null;
  endMs: number | null;
  timeZone: string | null;
  tolerance: string;
  settlingFromMs: number;
  includesSettling: boolean;
  totals: { buckets: number; matched: number; oursOnly: number; theirsOnly: number; differs: number; settling: number; beyond: number; ours: Counted; theirs: Counted };
  notComparable: { number: string | null; reason: string; message: string }[];
  notes: string[];
  rows: ReconciledRow[];
  csv: string;
}
