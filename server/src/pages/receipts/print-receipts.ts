import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Piscina } from 'piscina'
import { ApiError } from '#foundation/shared/errors.ts'
import { sha256 } from '#foundation/shared/secrets.ts'
import type { PrintTask } from './print-worker.ts'

/** Number of PDFs kept, so that repeated requests for one do not generate it again and again. */
const keptFiles = 64

export interface PrintLimits {
  /** How many receipts may wait for a thread. */
  queue: number
  /** How long a receipt may take, including its wait. */
  timeMs: number
  /** How long a thread without work is kept, with the fonts that it has opened. */
  idleMs: number
}

const usual: PrintLimits = { queue: 64, timeMs: 20_000, idleMs: 60_000 }
/** Threads for printing: one processor is left to the thread that answers requests. */
const threads = Math.max(1, Math.min(2, availableParallelism() - 1))
/** A receipt needs some 100 MB with its fonts; a thread that needs more than this is replaced. */
const threadMemoryMb = 512

const busy = () => new ApiError(503, 'busy', 'Too many receipts are being printed; try again.', { headers: { 'retry-after': '5' } })

/** The built file of the threads: next to the program, or where the program is built when the sources run. */
function workerFile(): string {
  const candidates = ['./print-worker.js', '../../../dist/print-worker.js'].map((path) => fileURLToPath(new URL(path, import.meta.url)))
  return candidates.find((path) => existsSync(path)) ?? (candidates[0] as string)
}

/** What makes a file: the same receipt in the same look on the same paper is the same file. */
function keyOf({ logo, ...task }: PrintTask): string {
  return sha256(JSON.stringify([task, logo && sha256(Buffer.from(logo.data))], (_name, value) => (typeof value === 'bigint' ? `${value}` : value)))
}

/**
 * Prints receipts in threads of their own, since one takes up to a second of a processor, and keeps the last files. Beyond the
 * queue and beyond the time limit it is a 503 with `Retry-After`. The threads have a low priority and end when they are idle.
 */
export function receiptPrinter(limits: PrintLimits = usual): (task: PrintTask) => Promise<Buffer> {
  let opening: Promise<Piscina> | undefined
  const kept = new Map<string, Promise<Buffer>>()

  async function open(): Promise<Piscina> {
    const { Piscina: Pool } = await import('piscina')
    const pool = new Pool({
      filename: workerFile(),
      minThreads: 0,
      maxThreads: threads,
      maxQueue: limits.queue,
      idleTimeout: limits.idleMs,
      niceIncrement: 5,
      resourceLimits: { maxOldGenerationSizeMb: threadMemoryMb },
      // A thread inherits no debugging or memory options of the process.
      execArgv: [],
    })
    // Its tasks fail with the error as well.
    pool.on('error', () => undefined)
    return pool
  }

  async function run(task: PrintTask): Promise<Buffer> {
    opening ??= open()
    const pool = await opening
    if (pool.queueSize >= limits.queue) throw busy()
    const signal = AbortSignal.timeout(limits.timeMs)
    try {
      return Buffer.from((await pool.run(task, { name: 'print', signal })) as Uint8Array)
    } catch (error) {
      throw signal.aborted ? busy() : error
    }
  }

  return (task) => {
    const key = keyOf(task)
    const file = kept.get(key) ?? run(task)
    // The most recently requested one is evicted last.
    kept.delete(key)
    kept.set(key, file)
    file.catch(() => {
      if (kept.get(key) === file) kept.delete(key)
    })
    const [oldest] = kept.keys()
    if (kept.size > keptFiles && oldest !== undefined) kept.delete(oldest)
    return file
  }
}
