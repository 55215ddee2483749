/** What a process is for. */
export type Role = 'api' | 'worker'

/** Requests by key that a process counted since it last told. */
export type Counts = [key: string, count: number][]

/** What the first process tells the others. */
export type Order =
  /** A connection to serve; the socket comes with it, unless it was closed on the way. Answered with `taken`. */
  | { kind: 'connection'; number: number }
  /** Finish what was accepted, then end. */
  | { kind: 'stop' }
  /** Events of these businesses were committed, and have no sequence yet. */
  | { kind: 'committed'; businesses: string[] }
  | { kind: 'counts'; counts: Counts }
  /** Answer with `metrics`. */
  | { kind: 'measure'; number: number }
  /** Everyone's metrics, for the process that asked. */
  | { kind: 'measured'; number: number; all: object[][] }

/** What the others tell the first process. */
export type Report =
  | { kind: 'ready' }
  | { kind: 'taken'; number: number }
  /** The process cannot start; `isExpected` means that the message alone says it all. */
  | { kind: 'failed'; message: string; isExpected: boolean }
  /** Events of these businesses were committed, and have no sequence yet. */
  | { kind: 'committed'; businesses: string[] }
  | { kind: 'counts'; counts: Counts }
  | { kind: 'metrics'; number: number; metrics: object[] }
  /** Asks for everyone's metrics. */
  | { kind: 'measure all'; number: number }
