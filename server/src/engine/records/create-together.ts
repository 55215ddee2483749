import { type EventType, eventColumns, insertEventsOfRowsSql, noteEvents } from '#engine/events/emit-event.ts'
import { isContention, isOutcomeUnknown } from '#foundation/database/database.ts'
import { groupCommit } from '#foundation/database/group-commit.ts'
import { runPreparedText } from '#foundation/database/prepared.ts'
import { type ArrayParameter, arrayParameter } from '#foundation/database/rows.ts'
import { answerColumns, claimKeysOfRowsSql, type StoredAnswer } from '#foundation/database/stored-answer.ts'
import type { Deps } from '#foundation/deps.ts'
import { type Call, findingTakenKeys } from '#foundation/http/api.ts'
import { etagOf } from '#foundation/http/etag.ts'
import { type Answer, KeyTaken, storedAnswer } from '#foundation/http/idempotency.ts'
import type { Origin } from '#foundation/http/origin.ts'
import type { Business } from '#foundation/shared/business.ts'
import { callerText } from '#foundation/shared/caller.ts'
import { newId } from '#foundation/shared/ids.ts'
import { asTaken, type Kind, type RecordRow, type Tx, takenBy } from './kind.ts'

/** What is written with each new record into another table: a statement over the CTE `accepted`, and the columns that it needs in addition to the record's own. */
export interface Companion<Row> {
  readonly sql: string
  readonly columns?: Readonly<Record<string, { type: string; from: (row: Row) => unknown }>>
}

/** A kind whose records are created by group commit. */
export interface GroupedKind<Row extends RecordRow> extends Kind<Row> {
  readonly events: string
  readonly companions?: readonly Companion<Row>[]
  /** A column that holds each value once in a business, or null; a record whose value is in use is rejected alone. */
  readonly unique?: keyof Row & string
}

/** A new record with everything that its transaction writes. */
interface NewRecord<Row> {
  row: Row
  eventId: string
  json: string
  requestId: string | null
  caller: string
  answer: StoredAnswer | undefined
}

type Outcome = 'written' | 'key_taken' | 'value_taken'

/** A created record, and the answer to its request. */
export interface Created<Row> {
  row: Row
  answer: Answer
}

/**
 * Writes a record with its event, its companions and the answer of its request; `more` is added to the record in the answer.
 * With a transaction, it is written in that, and the code that opened it stores the answer and wakes the relay. Without one, records
 * that arrive together share one statement and one durable commit, each with its own failure: `KeyTaken`, or a 422.
 */
export type CreateTogether<Row> = (tx: Tx | undefined, business: Business, row: Row, origin: Origin, more?: object) => Promise<Created<Row>>

const readers: Record<keyof typeof eventColumns | keyof typeof answerColumns, (record: NewRecord<RecordRow>) => unknown> = {
  event_id: ({ eventId }) => eventId,
  event_data: ({ json }) => json,
  request_id: ({ requestId }) => requestId,
  caller: ({ caller }) => caller,
  answer_key: ({ answer }) => answer?.key,
  answer_fingerprint: ({ answer }) => answer?.fingerprint,
  answer_status: ({ answer }) => answer?.status,
  answer_headers: ({ answer }) => answer?.headers,
  // An answer that contains the record like its event does is sent to the database once.
  answer_body: ({ answer, json }) => (answer?.body === json ? null : answer?.body),
}

interface Column<Row extends RecordRow> {
  name: string
  parameter: ArrayParameter
  read: (record: NewRecord<Row>) => unknown
}

function columnsOf<Row extends RecordRow>({ table, companions = [] }: GroupedKind<Row>): Column<Row>[] {
  const own = Object.entries<string>(table.columns).map(
    ([name, type]): Column<Row> => ({
      name,
      parameter: arrayParameter(type),
      read: ({ row }) => row[name as keyof Row],
    }),
  )
  const shared = Object.entries({ ...eventColumns, ...answerColumns }).map(
    ([name, type]): Column<Row> => ({
      name,
      parameter: arrayParameter(type, { printed: true }),
      read: readers[name as keyof typeof readers],
    }),
  )
  const further = companions.flatMap(({ columns = {} }) =>
    Object.entries(columns).map(([name, { type, from }]): Column<Row> => ({ name, parameter: arrayParameter(type), read: ({ row }) => from(row) })),
  )
  return [...own, ...shared, ...further]
}

/**
 * The text that writes records from one array per column. Unique values and keys are claimed in one order, so that two
 * statements that share some cannot deadlock. It returns only records that were not written.
 */
function insertText<Row extends RecordRow>({ table, events, companions = [], unique }: GroupedKind<Row>, columns: Column<Row>[]): string {
  const own = Object.keys(table.columns).join(', ')
  const free = unique
    ? `select * from input where ${unique} is null or not exists (
        select 1 from ${table.name} other where other.business_id = input.business_id and other.${unique} = input.${unique}
      )`
    : 'select * from input'
  return `
    with input as (
      select ${columns.map(({ name, parameter: { cast } }) => (cast ? `${name}${cast} as ${name}` : name)).join(', ')}
      from unnest(${columns.map(({ parameter: { type } }, i) => `$${i + 1}::${type}`).join(', ')}) as input (${columns.map(({ name }) => name).join(', ')})
    ), free as (
      ${free}
    ), claimed as (
      ${claimKeysOfRowsSql('free', 'coalesce(answer_body, event_data::text)')}
    ), accepted as (
      select * from free where answer_key is null or id in (select object_id from claimed)
    ), written as (
      insert into ${table.name} (${own}) select ${own} from accepted order by business_id, ${unique ?? 'id'}
    ), ${companions.map(({ sql }, i) => `companion_${i} as (${sql}), `).join('')}emitted as (
      ${insertEventsOfRowsSql('accepted', `${events}.created` as EventType)}
    )
    select id, id in (select id from free) as is_free from input where id not in (select id from accepted)`
}

/** Writes records in one statement, and returns the result of each. `run` sends the statement, outside or inside a transaction. */
function writing<Row extends RecordRow>(kind: GroupedKind<Row>) {
  const columns = columnsOf(kind)
  const name = `create_${kind.table.name}`
  const text = insertText(kind, columns)
  return async (run: (name: string, text: string, values: Buffer[]) => Promise<{ rows: Refused[] }>, records: NewRecord<Row>[]): Promise<Outcome[]> => {
    const { rows } = await run(
      name,
      text,
      columns.map(({ parameter, read }) => parameter.encode(records, read)),
    )
    if (rows.length === 0) return records.map(() => 'written')
    const refused = new Map(rows.map(({ id, is_free }) => [id, is_free]))
    return records.map(({ row: { id } }) => (!refused.has(id) ? 'written' : refused.get(id) ? 'key_taken' : 'value_taken'))
  }
}

interface Refused {
  id: string
  /** Whether its unique value was free; if so, its key was taken. */
  is_free: boolean
}

/** Records that share a unique value go into separate statements, in sequence: the first one written wins. */
async function inWaves<Row extends RecordRow>(
  records: NewRecord<Row>[],
  unique: keyof Row & string,
  write: (wave: NewRecord<Row>[]) => Promise<Outcome[]>,
): Promise<Outcome[]> {
  const outcomes = new Map<NewRecord<Row>, Outcome>()
  for (let rest = records; rest.length > 0; rest = rest.filter((record) => !outcomes.has(record))) {
    const seen = new Set<string>()
    const wave = rest.filter(({ row }) => {
      if (row[unique] === null) return true
      const name = `${row.business_id} ${row[unique]}`
      return !seen.has(name) && seen.add(name)
    })
    const written = await write(wave)
    wave.forEach((record, i) => {
      outcomes.set(record, written[i] as Outcome)
    })
  }
  return records.map((record) => outcomes.get(record) as Outcome)
}

export function createTogether<Row extends RecordRow>(deps: Deps, kind: GroupedKind<Row>): CreateTogether<Row> {
  const { database, onEvent, groupAcrossBusinesses, groupRows = 256 } = deps
  const { unique } = kind
  const write = writing(kind)
  const together = (records: NewRecord<Row>[]) => write((name, text, values) => database.writePool.query<Refused>({ name, text, values }), records)
  const commit = groupCommit<NewRecord<Row>, Outcome>({
    write: unique ? (records) => inWaves(records, unique, together) : together,
    groupOf: groupAcrossBusinesses ? () => '' : ({ row }) => row.business_id,
    maxRows: groupRows,
    maxInFlight: groupRows === 1 ? Number.POSITIVE_INFINITY : 2, // alone in its statement, a row waits only for a connection
    mayWait: ({ row, answer }) => answer !== undefined || (unique !== undefined && row[unique] !== null),
    waitedTooLong: isContention,
    mayBeOneRow: (error) => !isOutcomeUnknown(error),
  })

  async function writeIn(tx: Tx, record: NewRecord<Row>): Promise<Outcome> {
    const [outcome] = await write((name, text, values) => runPreparedText<Refused>(tx, name, text, values), [record])
    noteEvents(tx, record.row.business_id)
    return outcome as Outcome
  }

  return async (tx, business, row, { at, caller, requestId, claim, baseUrl }, more) => {
    const json = JSON.stringify(kind.present(row, business, baseUrl))
    const answer: Answer = { status: 201, body: withMore(json, more), headers: { etag: etagOf(row), location: `${kind.path}/${row.id}` } }
    const stored = tx === undefined && claim ? storedAnswer(claim, row.id, answer) : undefined
    const record: NewRecord<Row> = { row, eventId: newId(at), json, requestId, caller: callerText(caller), answer: stored }
    const outcome = await (tx ? writeIn(tx, record) : commit(record)).catch((error: unknown) => {
      throw asTaken(kind.taken, error)
    })
    if (outcome === 'key_taken') throw new KeyTaken()
    if (outcome === 'value_taken') throw takenBy(unique as string)
    if (!tx) onEvent(business.id)
    return { row, answer }
  }
}

/** An object's JSON, extended by the fields of another. */
function withMore(json: string, more: object | undefined): string {
  const further = more ? JSON.stringify(more) : '{}'
  return further === '{}' ? json : `${json.slice(0, -1)},${further.slice(1)}`
}

/** The handler of an operation that creates by group commit, which detects a used key itself. */
export function createsTogether<Query, Body, Input>(
  operation: (tx: undefined, business: Business, input: Input, origin: Origin) => Promise<{ answer: Answer }>,
  inputOf: (call: Call<Query, Body>) => Input,
) {
  return findingTakenKeys(async (call: Call<Query, Body>) => (await operation(undefined, call.business, inputOf(call), call)).answer)
}
