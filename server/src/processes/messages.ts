/** The role of a process. */
export type Role = 'api' | 'worker'

/** Requests by key that a process counted since its last message. */
export type Counts = [key: string, count: number][]

/** Messages from the first process to the others. */
export type Order =
  /** A connection to serve; the socket comes with it, unless it was closed in the meantime. Answered with `taken`. */
  | { kind: 'connection'; number: number }
  /** Finish what was accepted, then end. */
  | { kind: 'stop' }
  /** Events of these businesses were committed, and have no sequence yet. */
  | { kind: 'committed'; businesses: string[] }
  | { kind: 'counts'; counts: Counts }
  /** Answer with `metrics`. */
  | { kind: 'measure'; number: number }
  /** The metrics of all processes, for the process that asked. */
  | { kind: 'measured'; number: number; all: object[][] }

/** Messages from the others to the first process. */
export type Report =
  | { kind: 'ready' }
  | { kind: 'taken'; number: number }
  /** An error was caught by nobody: the process goes on, and wants to be replaced. */
  | { kind: 'unsound' }
  /** The process cannot start; `isExpected` means that the message alone explains it. */
  | { kind: 'failed'; message: string; isExpected: boolean }
  /** Events of these businesses were committed, and have no sequence yet. */
  | { kind: 'committed'; businesses: string[] }
  | { kind: 'counts'; counts: Counts }
  | { kind: 'metrics'; number: number; metrics: object[] }
  /** Requests the metrics of all processes. */
  | { kind: 'measure all'; number: number }
