import type pg from 'pg'
import { type Relay, startRelay } from './engine/events/order-events.ts'
import { forgetIdempotencyKeys } from './foundation/jobs/forget-idempotency-keys.ts'
import type { Job, JobDeps } from './foundation/jobs/job.ts'
import { startPoller } from './foundation/jobs/poller.ts'
import { startJobs } from './foundation/jobs/runner.ts'
import type { SendMail } from './foundation/mail/send-mail.ts'
import { releaseDue, rollBusyAccounts } from './resources/balances/release-due.ts'
import type { StartDeps } from './resources/charges/start-payment.ts'
import { deliverMails } from './resources/mails/deliver-mails.ts'
import { expirePaymentRequests } from './resources/payment-requests/expire-payment-requests.ts'
import { checkRails } from './resources/refunds/check-rails.ts'

/** Every job and every schedule, in one list. */
export const jobs: Job[] = [forgetIdempotencyKeys]

export interface WorkerDeps extends JobDeps {
  controlPool: pg.Pool
  payments: StartDeps
  /** Absent where no mail server is set. */
  sendMail?: SendMail | undefined
}

/** What is looked for again and again: its name, how often, and what is done. */
function pollers({ database, now, log, payments, sendMail: send }: WorkerDeps, relay: Relay): [name: string, everyMs: number, run: () => Promise<unknown>][] {
  // What this process appends is ordered by its own relay.
  const waking = { ...payments, onEvent: (businessId: string) => relay.wake(businessId) }
  return [
    ['expiring payment requests', 250, () => expirePaymentRequests(waking)],
    ['asking rails', 1_000, () => checkRails({ ...waking, log })],
    ['sending mails', 1_000, () => deliverMails({ database, now, log, send })],
    ['releasing money', 10_000, () => releaseDue(database.db, now())],
    ['adding up accounts', 10_000, () => rollBusyAccounts(database.db)],
  ]
}

export interface Worker {
  readonly relay: Relay
  stop(): Promise<void>
}

/**
 * Starts what works outside requests: the relay that orders events and the pollers, at once, and the job queue, whose start nobody
 * waits for. A queue that cannot start is logged and tried again; requests do not depend on it.
 */
export function startWorker(deps: WorkerDeps): Worker {
  const { database, log, controlPool } = deps
  const relay = startRelay(database.db, { onError: (error) => log.error({ error }, 'ordering events failed') })
  const polling = pollers(deps, relay).map(([name, everyMs, run]) => startPoller({ everyMs, run, onError: (error) => log.error({ error }, `${name} failed`) }))
  let stopped = false
  let queue: Promise<{ stop(): Promise<void> } | undefined> = Promise.resolve(undefined)
  const begin = () => {
    if (stopped) return
    queue = startJobs(controlPool, jobs, deps).catch((error: unknown) => {
      log.error({ error }, 'the job queue did not start; it is tried again')
      setTimeout(begin, 10_000).unref()
      return undefined
    })
  }
  const soon = setTimeout(begin, 1_000)
  return {
    relay,
    async stop() {
      stopped = true
      clearTimeout(soon)
      await Promise.all(polling.map((poller) => poller.stop()))
      await (await queue)?.stop()
      await relay.stop()
    },
  }
}
