import fc, { type Arbitrary } from 'fast-check'
import { bytesOf, exchange, type FuzzAnswer } from './exchange.ts'
import { type FaultKind, judge } from './judge.ts'
import type { Shot } from './shots.ts'

/** A request that got a wrong response, shrunk as far as it still does. */
export interface FuzzFinding {
  kind: FaultKind
  about: string
  status: number
  milliseconds: number
  /** The request's bytes, as far as they fit into a report. */
  request: string
}

export interface FuzzReport {
  /** Requests that were sent, those of shrinking included. */
  sent: number
  statuses: ReadonlyMap<number, number>
  findings: readonly FuzzFinding[]
  slowestMs: number
}

export interface FuzzOptions {
  port: number
  requests: number
  seed: number
  /** Texts of another business. */
  secrets: readonly string[]
  /** A response that takes longer is a finding. */
  slowMs?: number
  onProgress?: (sent: number) => void
}

/** Requests that are in flight together. */
const lanes = 4
/** Enough to begin with. */
const mostFindings = 20
const longestRequest = 4_000
/** Requests with which a finding is shrunk; each that is slow takes seconds. */
const shrinkingRequests = { slow: 3, others: 300 }

/**
 * Sends generated requests and judges each response. What fails is shrunk, listed once for each kind and operation, and passed
 * over from then on. The same seed sends the same requests.
 */
export async function fuzz(shots: Arbitrary<Shot>, { port, requests, seed, secrets, slowMs = 2_000, onProgress }: FuzzOptions): Promise<FuzzReport> {
  const statuses = new Map<number, number>()
  const findings: FuzzFinding[] = []
  /** What one lane has found, and the others pass over. */
  const claimed = new Set<string>()
  let sent = 0
  let slowestMs = 0

  async function tried(shot: Shot): Promise<{ kind: FaultKind | undefined; answer: FuzzAnswer }> {
    const answer = await exchange(port, shot)
    sent += 1
    onProgress?.(sent)
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
    slowestMs = Math.max(slowestMs, answer.milliseconds)
    return { kind: judge(shot, answer, { secrets, slowMs }), answer }
  }

  /** A property that fails as one request did first, for as long as that may be shrunk. */
  function aProperty(onFinding: (finding: FuzzFinding) => void) {
    let own: string | undefined
    let left = 0
    return fc.asyncProperty(shots, async (shot) => {
      if (own !== undefined && left-- <= 0) return
      const { kind, answer } = await tried(shot)
      const key = `${kind} ${shot.about}`
      if (kind === undefined || (own === undefined ? claimed.has(key) : own !== key)) return
      if (own === undefined) left = kind === 'slow' ? shrinkingRequests.slow : shrinkingRequests.others
      own = key
      claimed.add(key)
      const milliseconds = Math.round(answer.milliseconds)
      onFinding({ kind, about: shot.about, status: answer.status, milliseconds, request: bytesOf(shot).toString('latin1').slice(0, longestRequest) })
      throw new Error(kind)
    })
  }

  async function runLane(lane: number): Promise<void> {
    let left = Math.ceil(requests / lanes)
    for (let round = 0; left > 0 && findings.length < mostFindings; round++) {
      // The last one is the smallest.
      let smallest: FuzzFinding | undefined
      const property = aProperty((finding) => {
        smallest = finding
      })
      const { failed, numRuns, errorInstance } = await fc.check(property, { numRuns: left, seed: (seed + lane * 7_919 + round * 104_729) | 0 })
      left -= numRuns
      if (failed && !smallest) throw errorInstance
      if (smallest) findings.push(smallest)
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, lane) => runLane(lane)))
  return { sent, statuses, findings, slowestMs }
}
