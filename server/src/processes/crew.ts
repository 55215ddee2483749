import type { Socket } from 'node:net'
import type { Logger } from 'pino'
import { beginMember, type Member } from './begin-member.ts'
import { createExchange } from './exchange.ts'
import { createHandOver } from './hand-over.ts'
import type { Role } from './messages.ts'

/** A process that lived shorter than this is replaced after a wait, which doubles each time. */
const soundAfterMs = 10_000
const firstWaitMs = 500
const longestWaitMs = 30_000
/** Longer than any request and any stop may take. */
const patienceMs = 45_000

export interface CrewOptions {
  /** How many of each to run. */
  wanted: Record<Role, number>
  url: string
  log: Logger
}

/** The API processes and the worker, kept at their number. */
export interface Crew {
  /** Resolves when all of them are ready; rejects if one cannot start. */
  start(): Promise<void>
  /** Passes a connection to the next process. */
  serve(socket: Socket): void
  /** Replaces each process by a new one, in sequence. A call in the meantime repeats it. */
  restart(): void
  /** Finishes what was accepted: first the API processes, then the worker, so that it still delivers what they wrote. */
  stop(): Promise<void>
}

/** The existing processes, and how they start and end. */
interface Roster {
  those(role: Role, state: Member['state']): Member[]
  begin(role: Role): Member
  /** Starts the missing processes of a role. */
  fill(role: Role): Member[]
  has(member: Member): boolean
  /** Ends every process of a role, and starts no more. */
  retireAll(role: Role): Promise<void>
}

export function createCrew({ wanted, url, log }: CrewOptions): Crew {
  const ready = (role: Role) => roster.those(role, 'ready')
  const exchange = createExchange((besides) => [...ready('api'), ...ready('worker')].filter((one) => one !== besides))
  const handOver = createHandOver(() => ready('api'))
  const roster = createRoster(wanted, log, {
    begin: (role) =>
      beginMember(role, url, (from, report) => {
        if (report.kind === 'taken') handOver.taken(report.number)
        else if (report.kind === 'unsound') void replaceOne(from)
        else exchange(from, report)
      }),
    onReady: handOver.serveWaiting,
    onGone: handOver.forget,
  })
  let isStopping = false
  /** Replaces a process that has met an error which nobody caught: the new one is ready before the old one finishes. */
  async function replaceOne(old: Member): Promise<void> {
    if (isStopping || old.state !== 'ready') return
    log.warn({ role: old.role, member: old.pid }, 'a process is replaced after an error that nobody caught')
    try {
      await roster.begin(old.role).ready
      if (roster.has(old) && !isStopping) await retire(old)
    } catch (error) {
      if (!isStopping) log.error({ error }, 'a new process did not start; the old one stays')
    }
  }
  let restarting: Promise<void> | undefined
  let mustRepeat = false
  function restart(): void {
    mustRepeat = restarting !== undefined
    restarting ??= replaceEach(roster, wanted, log, () => isStopping).finally(() => {
      restarting = undefined
      if (mustRepeat && !isStopping) restart()
    })
  }

  return {
    async start() {
      await Promise.all([...roster.fill('api'), ...roster.fill('worker')].map((member) => member.ready))
    },
    serve: handOver.serve,
    restart,
    async stop() {
      isStopping = true
      handOver.end()
      await roster.retireAll('api')
      await roster.retireAll('worker')
      await restarting
    },
  }
}

interface RosterOptions {
  begin: (role: Role) => Member
  onReady: () => void
  onGone: (member: Member) => void
}

function createRoster(wanted: Record<Role, number>, log: Logger, { begin: beginOne, onReady, onGone }: RosterOptions): Roster {
  const members = new Set<Member>()
  const failures: Record<Role, number> = { api: 0, worker: 0 }
  const ended = new Set<Role>()
  const those = (role: Role, state: Member['state']) => [...members].filter((one) => one.role === role && one.state === state)

  function begin(role: Role): Member {
    const member = beginOne(role)
    members.add(member)
    member.ready.then(onReady, () => undefined)
    void member.gone.then((how) => {
      members.delete(member)
      onGone(member)
      if (member.state === 'stopping') return
      log.error({ role, member: member.pid, how }, 'a process ended unexpectedly')
      failures[role] = performance.now() - member.began < soundAfterMs ? failures[role] + 1 : 0
      const waitMs = failures[role] === 0 ? 0 : Math.min(longestWaitMs, firstWaitMs * 2 ** (failures[role] - 1))
      setTimeout(() => fill(role), waitMs)
    })
    return member
  }

  function fill(role: Role): Member[] {
    const missing = wanted[role] - those(role, 'ready').length - those(role, 'starting').length
    return ended.has(role) ? [] : Array.from({ length: Math.max(0, missing) }, () => begin(role))
  }

  return {
    those,
    begin,
    fill,
    has: (member) => members.has(member),
    async retireAll(role) {
      ended.add(role)
      await Promise.all([...members].filter((one) => one.role === role).map(retire))
    },
  }
}

async function retire(member: Member): Promise<void> {
  // One that is not ready has accepted nothing.
  if (member.state === 'starting') member.kill()
  member.state = 'stopping'
  member.tell({ kind: 'stop' })
  const late = setTimeout(() => member.kill(), patienceMs)
  await member.gone
  clearTimeout(late)
}

/** Starts a new process for each, and ends the old one when the new one is ready. */
async function replaceEach(roster: Roster, wanted: Record<Role, number>, log: Logger, isStopping: () => boolean): Promise<void> {
  for (const old of [...roster.those('api', 'ready'), ...roster.those('worker', 'ready')]) {
    if (isStopping()) return
    const next = roster.begin(old.role)
    try {
      await next.ready
    } catch (error) {
      if (!isStopping()) log.error({ error }, 'a new process did not start; the old ones stay')
      return
    }
    // The old one may have ended by itself, and have been replaced.
    if (!isStopping() && roster.those(old.role, 'ready').length > wanted[old.role]) await retire(roster.has(old) ? old : next)
  }
  if (!isStopping()) log.info('every process was replaced')
}
