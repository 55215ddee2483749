import { createRequire } from 'node:module'
import pg from 'pg'

/** A statement that was sent to PostgreSQL, with its parameters as text. */
export interface Statement {
  text: string
  values: (string | null)[]
}

const { prepareValue } = createRequire(import.meta.url)('pg/lib/utils.js') as { prepareValue(value: unknown): unknown }

/** PostgreSQL counts microseconds from 2000-01-01. */
const epochMs = 946_684_800_000

/** Elements of binary arrays as text, by the object id of their type. */
const elementReaders = new Map<number, (bytes: Buffer) => string>([
  [16, (bytes) => (bytes.readUInt8() === 1 ? 'true' : 'false')],
  [20, (bytes) => String(bytes.readBigInt64BE())],
  [21, (bytes) => String(bytes.readInt16BE())],
  [23, (bytes) => String(bytes.readInt32BE())],
  [25, (bytes) => bytes.toString()],
  [114, (bytes) => bytes.toString()],
  [1184, (bytes) => new Date(Number(bytes.readBigInt64BE() / 1000n) + epochMs).toISOString()],
  [2950, (bytes) => bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')],
  // The first byte is the version of the format.
  [3802, (bytes) => bytes.subarray(1).toString()],
])

/** An array that was sent in binary form, as the literal that pgbench sends. Throws for a type that Hawker does not send. */
function binaryArrayAsText(bytes: Buffer): string {
  if (bytes.readInt32BE(0) === 0) return '{}'
  const read = elementReaders.get(bytes.readInt32BE(8))
  if (!read) throw new Error(`no reader for arrays of type ${bytes.readInt32BE(8)}`)
  const elements: string[] = []
  for (let at = 20; at < bytes.length; ) {
    const length = bytes.readInt32BE(at)
    at += 4
    if (length < 0) elements.push('NULL')
    else {
      elements.push(
        `"${read(bytes.subarray(at, at + length))
          .replaceAll('\\', '\\\\')
          .replaceAll('"', '\\"')}"`,
      )
      at += length
    }
  }
  return `{${elements.join(',')}}`
}

/** A parameter as text; the driver sends arrays in binary form where the server made them so. */
function asText(value: unknown): string | null {
  const prepared = prepareValue(value)
  if (prepared === null || prepared === undefined) return null
  return Buffer.isBuffer(prepared) ? binaryArrayAsText(prepared) : String(prepared)
}

function statementOf([first, second]: unknown[]): Statement {
  const { text, values } = typeof first === 'string' ? { text: first, values: undefined } : (first as { text: string; values?: unknown[] })
  return { text, values: ((Array.isArray(second) ? second : values) ?? []).map(asText) }
}

/** Records every statement that this process sends while `act` runs. */
export async function recordStatements(act: () => Promise<void>): Promise<Statement[]> {
  const heard: Statement[] = []
  const client = pg.Client.prototype as unknown as { query: (...parts: unknown[]) => unknown }
  const { query } = client
  client.query = function (this: unknown, ...parts: unknown[]) {
    heard.push(statementOf(parts))
    return query.apply(this, parts)
  }
  try {
    await act()
  } finally {
    client.query = query
  }
  return heard
}

const uuids = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

/** The ids in the parameters of statements. */
const idsIn = (statements: Statement[]) => new Set(statements.flatMap(({ values }) => values.flatMap((value) => value?.match(uuids) ?? [])))

/** A pgbench script that pays another payment request in each transaction. */
export interface Replay {
  script: string
  /** The script's variables: parameters that all payments share. */
  variables: Record<string, string>
}

/** A text as SQL literals, split so that pgbench does not see `:name` in them. */
const literal = (text: string) =>
  text
    .split(/(?<=:)(?=[A-Za-z0-9_])/)
    .map((part) => (part.includes('\\') ? `E'${part.replaceAll('\\', '\\\\').replaceAll("'", "''")}'` : `'${part.replaceAll("'", "''")}'`))
    .join(' || ')

/** A text that contains its payment's number, as an SQL expression. */
const withNumber = (text: string, mark: string) => text.split(mark).map(literal).join(' || :number::text || ')

/** A statement whose literals pgbench cannot mistake for variables. */
function guarded(text: string): string {
  return text.replace(/(\w?)'((?:[^']|'')*)'/g, (whole, before: string, inner: string) => {
    if (!/:[A-Za-z0-9_]/.test(inner)) return whole
    if (before) throw new Error(`pgbench would mistake a part of ${whole} for a variable.`)
    return `(${literal(inner.replaceAll("''", "'"))})`
  })
}

/** The parameter types that PostgreSQL infers for a statement. */
async function typesOf(client: pg.ClientBase, text: string): Promise<string[]> {
  await client.query(`prepare bench_typed as ${text}`)
  const { rows } = await client.query<{ types: string[] }>(
    `select parameter_types::regtype[]::text[] as types from pg_prepared_statements where name = 'bench_typed'`,
  )
  await client.query('deallocate bench_typed')
  return rows[0]?.types ?? []
}

/**
 * Turns the recorded statements of one payment into a pgbench script. The payment's own values are recognised by its number,
 * which the benchmark has put into ids and references, and as ids that no earlier payment had; each ends in a counter instead.
 * All other values, times and the payer's name among them, stay as recorded.
 */
export async function replayOf(
  client: pg.ClientBase,
  number: string,
  { before, statements }: { before: Statement[]; statements: Statement[] },
): Promise<Replay> {
  const known = idsIn(before)
  const fresh = [...idsIn(statements)].filter((id) => !known.has(id) && !id.endsWith(number))
  const made = new Map(fresh.map((id, i) => [id, `${id.slice(0, 19)}8${i.toString(16).padStart(3, '0')}-${number}`]))
  const variables: Record<string, string> = { turn: '0' }
  const lines: string[] = []
  for (const [at, { text, values }] of statements.entries()) {
    const types = values.length > 0 ? await typesOf(client, text) : []
    const parameter = (i: number): string => {
      const value = values[i]
      if (value === null || value === undefined) return `null::${types[i]}`
      const own = value.replace(uuids, (id) => made.get(id) ?? id)
      if (own.includes(number)) return `(${withNumber(own, number)})::${types[i]}`
      if (own === '') return `''::${types[i]}`
      variables[`s${at}p${i + 1}`] = own
      return `:s${at}p${i + 1}`
    }
    lines.push(`${guarded(text).replace(/\$(\d+)/g, (_, position: string) => parameter(Number(position) - 1))};`)
  }
  return { script: `\\set turn :turn + 1\n\\set number :first + :turn * :clients + :client_id\n${lines.join('\n')}\n`, variables }
}
