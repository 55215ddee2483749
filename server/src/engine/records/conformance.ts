import { ownValue } from '@hawker/web/own-value'
import { describe, expect, test } from 'vitest'

interface Reply {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers freely; their shape is checked by the server
  json: any
}

/** A business's requests, like those of `aBusiness()`. */
export interface RecordsClient {
  request(method: string, path: string, options?: { headers?: Record<string, string>; body?: unknown }): Promise<Reply>
}

/** A kind of record as its API returns it. */
export interface RecordsSubject<Client extends RecordsClient> {
  /** The path of the collection. */
  path: string
  /** The name in a 404. */
  name: string
  aClient(): Promise<Client>
  /** A valid body for a create, with values that no other record has; absent if the API creates none. */
  body?: () => Record<string, unknown>
  /** The id of a record that each business has, if the API creates none. */
  anId?: (client: Client) => Promise<string>
  /** A valid change, different for each `n`, of fields that answers return as sent; absent if nothing can be changed. */
  changeTo?: (n: number) => Record<string, unknown>
  list: 'cursor' | 'array'
  /** Fields that only the answer to a create contains, such as a secret; null afterwards. */
  shownOnce?: readonly string[]
  /** What a deleted record is afterwards; absent if none can be deleted. */
  deleted?: 'gone' | 'kept'
  /** The events of a business in order, and the part of their types before the point; absent if changes emit none. */
  events?: { prefix: string; of: (client: Client) => Promise<Record<string, unknown>[]> }
}

/** What every kind of record must guarantee over HTTP; `samples.ts` and `every-route.test.ts` cover what holds for every operation. */
export function recordsConformance<Client extends RecordsClient>(subject: RecordsSubject<Client>): void {
  describe(`records at ${subject.path}`, () => {
    readsOf(subject)
    listsOf(subject)
    if (subject.body) createsOf(subject, subject.body)
    if (subject.changeTo) changesOf(subject, subject.changeTo)
    if (subject.deleted) deletesOf(subject, subject.deleted)
  })
}

const etagIn = ({ headers }: Reply): string => headers.get('etag') ?? ''
const post = (client: RecordsClient, path: string, body: unknown, headers = {}) => client.request('POST', path, { body, headers })
const patch = (client: RecordsClient, path: string, body: unknown, headers = {}) => client.request('PATCH', path, { body, headers })

/** A record of a new business: the answer that contains it, and its path. */
async function start<Client extends RecordsClient>({ path, aClient, body, anId }: RecordsSubject<Client>) {
  const client = await aClient()
  if (body) {
    const made = await post(client, path, body())
    expect(made.status).toBe(201)
    return { client, made, one: `${path}/${made.json.id}` }
  }
  const id = await anId?.(client)
  const one = `${path}/${id}`
  return { client, made: await client.request('GET', one), one }
}

function readsOf<Client extends RecordsClient>(subject: RecordsSubject<Client>): void {
  test('a get returns the record with its ETag, and 304 to a client that has it', async () => {
    const { client, one } = await start(subject)
    const got = await client.request('GET', one)
    expect(got.status).toBe(200)
    expect(etagIn(got)).toMatch(/^"[0-9a-f]{32}\.1"$/)
    const known = await client.request('GET', one, { headers: { 'if-none-match': etagIn(got) } })
    expect([known.status, known.text, etagIn(known)]).toEqual([304, '', etagIn(got)])
    expect((await client.request('GET', one, { headers: { 'if-none-match': '"another"' } })).status).toBe(200)
    expect((await client.request('GET', one.toUpperCase().replace(subject.path.toUpperCase(), subject.path))).json).toEqual(got.json)
  })

  test('an unknown id, a malformed one and the id of another business are the same 404', async () => {
    const { one } = await start(subject)
    const stranger = await subject.aClient()
    for (const path of [one, `${subject.path}/01990000-0000-7000-8000-000000000000`, `${subject.path}/nothing`]) {
      const methods = ['GET', ...(subject.changeTo ? ['PATCH'] : []), ...(subject.deleted ? ['DELETE'] : [])]
      for (const method of methods) {
        const refused = await stranger.request(method, path, method === 'PATCH' ? { body: subject.changeTo?.(1) } : {})
        const id = path.slice(subject.path.length + 1)
        expect([refused.status, refused.json.message]).toEqual([404, `No query results for model [App\\Business\\${subject.name}] ${id}`])
      }
    }
  })
}

function listsOf<Client extends RecordsClient>(subject: RecordsSubject<Client>): void {
  const idsIn = (rows: { id: string }[]) => rows.map(({ id }) => id)

  test('a list contains only the records of its business', async () => {
    const { client, made } = await start(subject)
    await start(subject)
    const { json } = await client.request('GET', subject.path)
    const later = Object.fromEntries((subject.shownOnce ?? []).map((name) => [name, null]))
    expect(subject.list === 'array' ? json : json.data).toEqual([{ ...made.json, ...later }])
  })

  test.runIf(subject.list === 'array' && subject.body)('a bare array contains every record, oldest first', async () => {
    const client = await subject.aClient()
    const ids: string[] = []
    for (let n = 0; n < 3; n++) ids.push((await post(client, subject.path, subject.body?.())).json.id)
    expect(idsIn((await client.request('GET', subject.path)).json)).toEqual(ids)
  })

  test.runIf(subject.list === 'cursor')('cursors lead through all pages, newest first, and back again', async () => {
    const client = await subject.aClient()
    const ids: string[] = []
    for (let n = 0; n < 5; n++) ids.unshift((await post(client, subject.path, subject.body?.())).json.id)
    const page = async (cursor?: string) => (await client.request('GET', `${subject.path}?per_page=2${cursor ? `&cursor=${cursor}` : ''}`)).json
    const first = await page()
    const second = await page(first.meta.next_cursor)
    const third = await page(second.meta.next_cursor)
    expect([first, second, third].map(({ data }) => idsIn(data))).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)])
    expect([first.meta.prev_cursor, third.meta.next_cursor]).toEqual([null, null])
    const back = await page(third.meta.prev_cursor)
    expect(back.data).toEqual(second.data)
    expect((await page(back.meta.prev_cursor)).data).toEqual(first.data)
    expect(first.links.next).toContain(`per_page=2&cursor=${first.meta.next_cursor}`)
    expect((await client.request('GET', `${subject.path}?cursor=nonsense`)).status).toBe(422)
  })
}

function createsOf<Client extends RecordsClient>(subject: RecordsSubject<Client>, body: () => Record<string, unknown>): void {
  test('a create returns 201 with ETag and Location, and both show what was created', async () => {
    const { client, made, one } = await start(subject)
    expect(made.headers.get('location')).toBe(one)
    const got = await client.request('GET', one)
    expect(etagIn(got)).toBe(etagIn(made))
    expect(Object.keys(got.json)).toEqual(Object.keys(made.json))
  })

  test('concurrent and later creates with the same Idempotency-Key make one record and one answer', async () => {
    const client = await subject.aClient()
    const [sent, headers] = [body(), { 'idempotency-key': 'create' }]
    const together = await Promise.all([1, 2, 3].map(() => post(client, subject.path, sent, headers)))
    const later = await post(client, subject.path, sent, headers)
    const replies = [...together, later]
    expect(new Set(replies.map(({ status, text, headers: { get: _, ...rest } }) => `${status} ${text} ${Object.keys(rest)}`)).size).toBe(1)
    expect(new Set(replies.map(etagIn)).size).toBe(1)
    expect(later.headers.get('idempotent-replayed')).toBe('true')
    const { json } = await client.request('GET', subject.path)
    expect(subject.list === 'array' ? json : json.data).toHaveLength(1)
    if (subject.events) expect(await subject.events.of(client)).toHaveLength(1)
    expect((await post(client, subject.path, body(), headers)).json.code).toBe('idempotency_key_reused')
  })

  test.runIf(subject.events)('a create emits one event with the record as in the answer', async () => {
    const client = await subject.aClient()
    const made = await post(client, subject.path, body(), { 'x-request-id': 'from-the-client' })
    const events = await subject.events?.of(client)
    expect(events).toMatchObject([
      { type: `${subject.events?.prefix}.created`, object_id: made.json.id, data: made.json, previous_attributes: null, request_id: 'from-the-client' },
    ])
  })
}

function changesOf<Client extends RecordsClient>(subject: RecordsSubject<Client>, changeTo: (n: number) => Record<string, unknown>): void {
  test('an update returns the change with a new ETag, and a replay of it changes nothing', async () => {
    const { client, made, one } = await start(subject)
    const changed = await patch(client, one, changeTo(1), { 'idempotency-key': 'change' })
    expect(changed.json).toEqual({ ...made.json, ...changeTo(1), updated_at: changed.json.updated_at })
    expect(etagIn(changed)).toBe(etagIn(made).replace('.1"', '.2"'))
    const other = await patch(client, one, changeTo(2))
    const again = await patch(client, one, changeTo(1), { 'idempotency-key': 'change' })
    expect([again.text, etagIn(again), again.headers.get('idempotent-replayed')]).toEqual([changed.text, etagIn(changed), 'true'])
    const got = await client.request('GET', one)
    expect([got.json, etagIn(got)]).toEqual([other.json, etagIn(other)])
  })

  test('an update of an earlier version is a 412 that names the current ETag and changes nothing', async () => {
    const { client, made, one } = await start(subject)
    const changed = await patch(client, one, changeTo(1), { 'if-match': etagIn(made) })
    expect(changed.status).toBe(200)
    const refused = await patch(client, one, changeTo(2), { 'if-match': etagIn(made) })
    expect([refused.status, refused.json.code, etagIn(refused)]).toEqual([412, 'precondition_failed', etagIn(changed)])
    expect((await client.request('GET', one)).json).toEqual(changed.json)
  })

  test('an update that changes nothing keeps the version and emits no event', async () => {
    const { client, one } = await start(subject)
    const changed = await patch(client, one, changeTo(1))
    for (const same of [changeTo(1), {}]) {
      const unchanged = await patch(client, one, same)
      expect([unchanged.status, unchanged.text, etagIn(unchanged)]).toEqual([200, changed.text, etagIn(changed)])
    }
    if (subject.events) expect(await subject.events.of(client)).toHaveLength(2)
  })

  test('exactly one of several concurrent updates of the same version is made', async () => {
    const { client, made, one } = await start(subject)
    const replies = await Promise.all(Array.from({ length: 8 }, (_, n) => patch(client, one, changeTo(n + 1), { 'if-match': etagIn(made) })))
    expect(replies.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 7 }, () => 412)])
    const winner = replies.find(({ status }) => status === 200)
    const got = await client.request('GET', one)
    expect([got.json, etagIn(got)]).toEqual([winner?.json, winner && etagIn(winner)])
  })

  test('concurrent updates without a version are all made, in sequence', async () => {
    const { client, made, one } = await start(subject)
    const replies = await Promise.all(Array.from({ length: 8 }, (_, n) => patch(client, one, changeTo(n + 1))))
    expect(new Set(replies.map(etagIn)).size).toBe(8)
    const last = replies.reduce((a, b) => (Number(/\.(\d+)"/.exec(etagIn(a))?.[1]) > Number(/\.(\d+)"/.exec(etagIn(b))?.[1]) ? a : b))
    expect(etagIn(last)).toBe(etagIn(made).replace('.1"', '.9"'))
    expect((await client.request('GET', one)).json).toEqual(last.json)
    if (subject.events) expect((await subject.events.of(client)).at(-1)).toMatchObject({ data: last.json })
  })

  test.runIf(subject.events)('an update emits one event with the previous values of what changed', async () => {
    const { client, made, one } = await start(subject)
    const changed = await patch(client, one, changeTo(1), { 'x-request-id': 'from-the-client' })
    const before = Object.fromEntries(Object.keys(changeTo(1)).map((name) => [name, ownValue(made.json, name)]))
    const [, event] = (await subject.events?.of(client)) ?? []
    expect(event).toMatchObject({ type: `${subject.events?.prefix}.updated`, data: changed.json, request_id: 'from-the-client' })
    expect(event?.previous_attributes).toEqual(before)
  })
}

function deletesOf<Client extends RecordsClient>(subject: RecordsSubject<Client>, deleted: 'gone' | 'kept'): void {
  test('a delete of an earlier version is a 412, and the current one is deleted once, even when it is repeated', async () => {
    const { client, made, one } = await start(subject)
    const refused = await client.request('DELETE', one, { headers: { 'if-match': '"00000000000000000000000000000000.1"' } })
    expect([refused.status, etagIn(refused)]).toEqual([412, etagIn(made)])
    const headers = { 'if-match': etagIn(made), 'idempotency-key': 'delete' }
    for (let n = 0; n < 2; n++) expect((await client.request('DELETE', one, { headers })).status).toBe(204)
    expect((await client.request('DELETE', one)).status).toBe(404)
    expect((await client.request('GET', one)).status).toBe(deleted === 'gone' ? 404 : 200)
    const { json } = await client.request('GET', subject.path)
    expect(subject.list === 'array' ? json : json.data).toEqual([])
    if (!subject.events) return
    const events = await subject.events.of(client)
    expect(events.map(({ type }) => type)).toEqual([`${subject.events.prefix}.created`, `${subject.events.prefix}.deleted`])
    expect(events[1]).toMatchObject({ data: made.json })
  })
}
