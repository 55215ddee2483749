import type { Answer, Sent } from './server.ts'

/** A repeatable source of choices (mulberry32). */
export interface Choices {
  /** A fraction from 0 to 1. */
  next(): number
  below(limit: number): number
  chance(probability: number): boolean
}

export function choices(seed: number): Choices {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  return { next, below: (limit) => Math.floor(next() * limit), chance: (probability) => next() < probability }
}

/** A customer that only one worker changes, so that its expected state is known. */
export interface Owned {
  id: string
  externalId: string | undefined
  name: string
  version: number
  deleted: boolean
}

/** One request and its result. Every request that changes something has a name of its own, by which its event is found. */
export interface Operation {
  kind: 'create' | 'patch' | 'nothing' | 'upsert' | 'shared upsert' | 'delete'
  label: string
  sent: Sent
  /** The owned customer that is changed; undefined for a create and for customers that all workers share. */
  target: Owned | undefined
  externalId?: string
  answer: Answer | undefined
}

export interface Worker {
  name: string
  owned: Owned[]
  operations: Operation[]
  slots: Map<string, Owned>
}

const isDone = ({ status }: Answer) => status >= 200 && status < 300

/** Whether the response proves that the request took effect; a 409 or 503 leaves it unknown. */
export function acknowledged({ answer }: Operation): boolean {
  return answer !== undefined && isDone(answer)
}

/** Updates the expected state with an operation that took effect. */
export function applyEffect(worker: Worker, operation: Operation, id: string | undefined): void {
  const { kind, target, label, externalId } = operation
  if (kind === 'delete' && target) {
    target.deleted = true
    if (target.externalId) worker.slots.delete(target.externalId)
  } else if (target && (kind === 'patch' || kind === 'upsert')) {
    target.name = label
    target.version += 1
  } else if ((kind === 'create' || kind === 'upsert') && id) {
    const made: Owned = { id, externalId, name: label, version: 1, deleted: false }
    worker.owned.push(made)
    if (externalId) worker.slots.set(externalId, made)
  }
}

function body(label: string): Record<string, unknown> {
  return { name: label, email: `${label}@example.com`, phone_number: '91234567', metadata: { label } }
}

/** The next request of a worker. */
export function nextOperation(worker: Worker, label: string, { next, below, chance }: Choices): Operation {
  const key = chance(0.6) ? `key-${label}` : undefined
  const dice = next()
  const alive = worker.owned.slice(-40).filter(({ deleted }) => !deleted)
  const target = alive[below(alive.length)]
  const path = target && `/v1/customers/${target.id}`
  const common = { label, answer: undefined }
  if (dice < 0.22 && target && path) return { ...common, kind: 'patch', target, sent: { method: 'PATCH', path, key, body: { name: label } } }
  if (dice < 0.26 && target && path) return { ...common, kind: 'nothing', target, sent: { method: 'PATCH', path, key, body: { name: target.name } } }
  if (dice < 0.33 && target && path) return { ...common, kind: 'delete', target, sent: { method: 'DELETE', path, key } }
  if (dice < 0.45) {
    const externalId = `${worker.name}-${below(4)}`
    const sent: Sent = { method: 'PUT', path: `/v1/customers/ext:${externalId}`, key, body: body(label) }
    return { ...common, kind: 'upsert', target: worker.slots.get(externalId), externalId, sent }
  }
  if (dice < 0.5) {
    return {
      ...common,
      kind: 'shared upsert',
      target: undefined,
      sent: { method: 'PUT', path: `/v1/customers/ext:shared-${below(3)}`, key, body: body(label) },
    }
  }
  return { ...common, kind: 'create', target: undefined, sent: { method: 'POST', path: '/v1/customers', key, body: body(label) } }
}

export function idIn(answer: Answer | undefined): string | undefined {
  if (!answer || answer.text === '') return undefined
  return JSON.parse(answer.text).id
}

/** Works until a request stays without a clear response, which the kill causes. */
export async function work(worker: Worker, round: number, pick: Choices, send: (sent: Sent) => Promise<Answer | undefined>): Promise<void> {
  for (let number = 0; ; number++) {
    const operation = nextOperation(worker, `r${round}-${worker.name}-${number}`, pick)
    worker.operations.push(operation)
    // A client that loses patience sends the same request again in parallel to the first.
    const twice = operation.sent.key !== undefined && pick.chance(0.1)
    const answers = await Promise.all(twice ? [send(operation.sent), send(operation.sent)] : [send(operation.sent)])
    const done = answers.filter((answer) => answer !== undefined && isDone(answer))
    operation.answer = done[0] ?? answers[0]
    if (done.length === 2 && done[0]?.text !== done[1]?.text) throw new Error(`${operation.label}: two answers under one Idempotency-Key differ`)
    if (!acknowledged(operation)) {
      const status = operation.answer?.status
      if (status !== undefined && ![409, 503].includes(status))
        throw new Error(`${operation.kind} ${operation.label} was answered ${status} ${operation.answer?.text}`)
      return
    }
    applyEffect(worker, operation, idIn(operation.answer))
  }
}
