import cluster from 'node:cluster'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { StartError } from '#foundation/database/data-directory.ts'
import type { Order, Report, Role } from './messages.ts'

/** The command that every process runs; next to this file in the built program. */
const program = fileURLToPath(new URL('./main.js', import.meta.url))

/** A process from the point of view of the first one. */
export interface Member {
  readonly role: Role
  readonly pid: number
  readonly began: number
  state: 'starting' | 'ready' | 'stopping'
  /** Rejects if the process cannot start. */
  readonly ready: Promise<void>
  /** Resolves to the way it ended. */
  readonly gone: Promise<string>
  /** False if the channel to it is closed, which happens before its end is noticed. */
  canHear(): boolean
  tell(order: Order): void
  /** Sends an order with a socket, which stays open here too; returns whether it was sent. */
  send(order: Order, socket: Socket): Promise<boolean>
  kill(): void
}

/** Starts a process. `hear` receives its messages, except for the result of its start. */
export function beginMember(role: Role, url: string, hear: (from: Member, report: Report) => void): Member {
  cluster.setupPrimary({ exec: program, args: ['process', role, url] })
  const child = cluster.fork()
  let failure: Error | undefined
  const gone = new Promise<string>((done) => {
    child.once('exit', (code, signal) => done(signal ?? `code ${code}`))
    child.once('error', (error) => done(error.message))
  })
  const ready = new Promise<void>((done, fail) => {
    child.on('message', (report: Report) => {
      if (report.kind === 'ready') {
        member.state = 'ready'
        done()
      } else if (report.kind === 'failed') {
        failure = report.isExpected ? new StartError(report.message) : new Error(report.message)
        child.process.kill('SIGKILL')
      } else hear(member, report)
    })
    void gone.then((how) => fail(failure ?? new Error(`a process ended with ${how} before it was ready`)))
  })
  ready.catch(() => undefined)
  const member: Member = {
    role,
    pid: child.process.pid ?? 0,
    began: performance.now(),
    state: 'starting',
    ready,
    gone,
    canHear: () => child.isConnected(),
    // A process that is gone receives nothing; its end is noticed separately.
    tell: (order) => void (child.isConnected() && child.send(order, () => undefined)),
    send: (order, socket) => new Promise((done) => child.send(order, socket, { keepOpen: true }, (error) => done(!error))),
    kill: () => void child.process.kill('SIGKILL'),
  }
  return member
}
