import type { Readable } from 'node:stream'
import { ownValue } from '@hawker/web/own-value'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { rowsSql } from '#foundation/database/binary-arrays.ts'
import { type Db, isContention, violatedConstraint } from '#foundation/database/database.ts'
import { runPrepared } from '#foundation/database/prepared.ts'
import { businessesOf, sameBusinessSql } from '#foundation/database/same-business.ts'
import type { StoredAnswer } from '#foundation/database/stored-answer.ts'
import type { DB } from '#foundation/database/tables.ts'
import { ApiError, conflict, invalid } from '#foundation/shared/errors.ts'
import { newId } from '#foundation/shared/ids.ts'
import { sha256 } from '#foundation/shared/secrets.ts'

/** The answer of a route; `body` is JSON text, so that what is sent, stored and replayed are the same bytes. */
export interface Answer {
  status: number
  body?: string
  headers?: Record<string, string>
  /** Sent instead of `body`, piece by piece; only for reads. Its content type is in `headers`. */
  stream?: Readable
}

/** A request with an Idempotency-Key. */
export interface Claim {
  readonly businessId: string
  readonly key: string
  /** Digests of the request's parts by name: `request` (method and path) and each field of the body. */
  readonly fingerprint: Fingerprint
}

export type Fingerprint = Record<string, string>

export type { StoredAnswer }

/** Thrown inside a transaction whose key turns out to be used; it rolls the effect back, and the stored answer is returned. */
export class KeyTaken extends Error {}

/** How long a request waits for another one with its key before it gets a 409. */
const patienceMs = 2_000
/** PostgreSQL's limit for an index row leaves room for this; longer keys are a mistake anyway. */
const keyPattern = /^[\x21-\x7e]{1,255}$/

function digest(value: unknown): string {
  return sha256(typeof value === 'string' ? value : canonical(value)).slice(0, 16)
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
    return `{${entries
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`)
      .join(',')}}`
  }
  return JSON.stringify(value)
}

/** The claim of a request, or undefined if it has no key. The body is compared after parsing, not by its format. */
export function readClaim(header: string | string[] | undefined, businessId: string, request: string, body: unknown): Claim | undefined {
  if (header === undefined) return undefined
  const key = Array.isArray(header) ? header[0] : header
  if (!key || !keyPattern.test(key)) {
    throw invalid({ 'Idempotency-Key': ['The Idempotency-Key must have 1 to 255 printable ASCII characters without spaces.'] }, 'invalid_idempotency_key')
  }
  const fingerprint: Fingerprint = { request: digest(request) }
  // Salted with the key, so that equal values of two requests do not have equal digests.
  for (const [field, value] of Object.entries((body ?? {}) as object)) fingerprint[`body.${field}`] = digest(`${key} ${typeof value} ${canonical(value)}`)
  return { businessId, key, fingerprint }
}

/** The row that marks a key as used. `objectId` is the object that the request created, or a new id. */
export function storedAnswer(claim: Claim, objectId: string, answer: Answer): StoredAnswer {
  return {
    business_id: claim.businessId,
    key: claim.key,
    object_id: objectId,
    fingerprint: JSON.stringify(claim.fingerprint),
    status: answer.status,
    headers: JSON.stringify(answer.headers ?? {}),
    body: answer.body ?? '',
  }
}

/** Stores the answer in the transaction of the effect. Throws `KeyTaken` if another request with this key has committed. */
export async function rememberAnswer(tx: Db, claim: Claim, answer: Answer, at: Date, objectId: string = newId(at)): Promise<void> {
  try {
    await tx
      .insertInto('idempotency_keys')
      .values({ ...storedAnswer(claim, objectId, answer), created_at: at })
      .execute()
  } catch (error) {
    throw violatedConstraint(error) === 'idempotency_keys_pkey' ? new KeyTaken() : error
  }
}

const columns = {
  business_id: 'uuid',
  key: 'text',
  object_id: 'uuid',
  fingerprint: 'json',
  status: 'int2',
  headers: 'json',
  body: 'text',
  created_at: 'timestamptz',
} as const
const names = Object.keys(columns).join(', ')

/** The statement that stores answers with their effects. A key that is taken violates `idempotency_keys_pkey`. */
export function insertAnswersSql(answers: (StoredAnswer & { created_at: Date })[]): RawBuilder<unknown> {
  return sql`insert into idempotency_keys (${sql.raw(names)}) select * from ${rowsSql('answer', columns, answers)}`
}

/** Those of some claims whose keys are taken. */
export async function findTakenClaims(db: Db, claims: Claim[]): Promise<ReadonlySet<Claim>> {
  if (claims.length === 0) return new Set()
  const { rows } = await runPrepared(
    db,
    'find_taken_claims',
    sql<{ n: number }>`
    select claim.n from ${rowsSql(
      'claim',
      { business_id: 'uuid', key: 'text', n: 'int4' },
      claims.map(({ businessId, key }, n) => ({ business_id: businessId, key, n })),
    )} join idempotency_keys taken on ${sameBusinessSql('taken', 'claim', businessesOf(claims))} and taken.key = claim.key`,
  )
  return new Set(rows.flatMap(({ n }) => claims[n] ?? []))
}

/** Replaces the answer that was stored while an object's outcome was open by the final one. */
export async function replaceAnswer(tx: Db, businessId: string, key: string, objectId: string, answer: Answer): Promise<void> {
  await sql`
    update idempotency_keys set status = ${answer.status}, headers = ${JSON.stringify(answer.headers ?? {})}::json, body = ${answer.body ?? ''}
    where business_id = ${businessId} and key = ${key} and object_id = ${objectId}`.execute(tx)
}

function differences(stored: Fingerprint, claimed: Fingerprint): string[] {
  const names = new Set([...Object.keys(stored), ...Object.keys(claimed)])
  return [...names].filter((name) => ownValue(stored, name) !== ownValue(claimed, name)).sort()
}

/** The stored answer marked as a replay, or the 422 that names what differs from the first request. */
function replay(claim: Claim, stored: { fingerprint: Fingerprint; answer: Answer }): Answer {
  const differing = differences(stored.fingerprint, claim.fingerprint)
  if (differing.length > 0) {
    const fields = differing.map((name) => (name === 'request' ? 'request' : name.slice('body.'.length)))
    const text = 'This Idempotency-Key was used before, with a different'
    throw invalid(
      Object.fromEntries(fields.map((field) => [field, [field === 'request' ? `${text} method or path.` : `${text} ${field.replaceAll('_', ' ')}.`]])),
      'idempotency_key_reused',
    )
  }
  return { ...stored.answer, headers: { ...stored.answer.headers, 'idempotent-replayed': 'true' } }
}

const inFlight = () => conflict('idempotency_key_in_flight', 'A request with this Idempotency-Key is still being processed.', { 'retry-after': '1' })

export interface Idempotency {
  /** Runs a write once for its key, and answers every retry with the first answer. */
  once(claim: Claim, options: { lookFirst: boolean }, run: () => Promise<Answer>): Promise<Answer>
}

/**
 * The key's row is written in the transaction of the effect, so a key is used exactly if its effect exists. Requests
 * with one key run in sequence in one process; between processes, the unique key decides.
 */
export function idempotency(db: Kysely<DB>): Idempotency {
  const running = new Map<string, Promise<unknown>>()

  async function find(claim: Claim): Promise<{ fingerprint: Fingerprint; answer: Answer } | undefined> {
    const row = await db
      .selectFrom('idempotency_keys')
      .select(['fingerprint', 'status', 'headers', 'body'])
      .where('business_id', '=', claim.businessId)
      .where('key', '=', claim.key)
      .executeTakeFirst()
    if (!row) return undefined
    const answer: Answer = { status: row.status, headers: row.headers as Record<string, string> }
    if (row.body !== '') answer.body = row.body
    return { fingerprint: row.fingerprint as Fingerprint, answer }
  }

  async function runOrReplay(claim: Claim, lookFirst: boolean, run: () => Promise<Answer>): Promise<Answer> {
    if (lookFirst) {
      const stored = await find(claim)
      if (stored) return replay(claim, stored)
    }
    try {
      return await run()
    } catch (error) {
      // Another process may have finished the same request between our lookup and our write: then its answer is ours too.
      if (error instanceof KeyTaken || isContention(error) || error instanceof ApiError || violatedConstraint(error)) {
        const stored = await find(claim)
        if (stored) return replay(claim, stored)
        if (error instanceof KeyTaken || isContention(error)) throw inFlight()
      }
      throw error
    }
  }

  return {
    async once(claim, { lookFirst }, run) {
      const slot = `${claim.businessId} ${claim.key}`
      const deadline = performance.now() + patienceMs
      let mustLook = lookFirst
      for (let earlier = running.get(slot); earlier; earlier = running.get(slot)) {
        mustLook = true
        const left = deadline - performance.now()
        if (left <= 0) throw inFlight()
        let timer: NodeJS.Timeout | undefined
        await Promise.race([
          earlier.catch(() => undefined),
          new Promise((done) => {
            timer = setTimeout(done, left)
          }),
        ])
        clearTimeout(timer)
        const stored = running.get(slot) === earlier ? undefined : await find(claim)
        if (stored) return replay(claim, stored)
      }
      const run1 = runOrReplay(claim, mustLook, run)
      running.set(slot, run1)
      try {
        return await run1
      } finally {
        running.delete(slot)
      }
    },
  }
}
