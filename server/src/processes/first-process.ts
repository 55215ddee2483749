import type { Socket } from 'node:net'
import type { Counts, Order, Report } from './messages.ts'

/** Messages of one kind are collected for so long before they are sent. */
const gatherMs = 1
const countsEveryMs = 200

/** The messages between one of several processes and the first process. */
export interface FirstProcess {
  ready(): void
  failed(message: string, isExpected: boolean): void
  /** Asks to be replaced, after an error that nobody caught. */
  unsound(): void
  /** Notifies the worker and every process with pages that something of a business was committed. */
  committed(businessId: string): void
  /** Notifies the other processes how many requests were made with a key here. */
  counted(key: string): void
  /** The metrics of every process that responds. */
  metricsOfAll(): Promise<object[][]>
  /** Sets the handlers of the first process's messages. */
  hear(hears: Hears): void
  onStop(stop: () => void): void
}

export interface Hears {
  connection?: (socket: Socket) => void
  /** Events of these businesses were committed by some process. */
  committed?: (businesses: string[]) => void
  counts?: (counts: Counts) => void
  metrics: () => Promise<object[]>
}

/** The channel to the first process; exists in processes that it started. */
export function firstProcess(): FirstProcess {
  // If the first process is gone, this one ends too (node:cluster), so nobody waits for what could not be sent.
  const tell = (report: Report) => void process.send?.(report, undefined, undefined, () => undefined)
  const committed = new Set<string>()
  const counts = new Map<string, number>()
  const waiting = new Map<number, (all: object[][]) => void>()
  let questions = 0
  function tellCommitted(): void {
    tell({ kind: 'committed', businesses: [...committed] })
    committed.clear()
  }

  function tellCounts(): void {
    tell({ kind: 'counts', counts: [...counts] })
    counts.clear()
  }

  return {
    ready: () => tell({ kind: 'ready' }),
    failed: (message, isExpected) => tell({ kind: 'failed', message, isExpected }),
    unsound: () => tell({ kind: 'unsound' }),
    committed(businessId) {
      if (committed.size === 0) setTimeout(tellCommitted, gatherMs)
      committed.add(businessId)
    },
    counted(key) {
      if (counts.size === 0) setTimeout(tellCounts, countsEveryMs)
      counts.set(key, (counts.get(key) ?? 0) + 1)
    },
    metricsOfAll: () =>
      new Promise((done) => {
        questions += 1
        waiting.set(questions, done)
        tell({ kind: 'measure all', number: questions })
      }),
    hear(hears) {
      process.on('message', (order: Order, socket?: Socket) => {
        if (order.kind === 'connection') {
          tell({ kind: 'taken', number: order.number })
          if (socket) hears.connection?.(socket)
        }
        if (order.kind === 'committed') hears.committed?.(order.businesses)
        if (order.kind === 'counts') hears.counts?.(order.counts)
        if (order.kind === 'measure') {
          const answer = (metrics: object[]) => tell({ kind: 'metrics', number: order.number, metrics })
          hears.metrics().then(answer, () => answer([]))
        }
        if (order.kind === 'measured') {
          waiting.get(order.number)?.(order.all)
          waiting.delete(order.number)
        }
      })
    },
    onStop(stop) {
      process.on('message', (order: Order) => {
        if (order.kind === 'stop') stop()
      })
    },
  }
}
