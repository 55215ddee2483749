import { createRequire } from 'node:module'
import pg from 'pg'

/** A statement that was sent to PostgreSQL, with its parameters as text. */
export interface Statement {
  text: string
  values: (string | null)[]
}

const { prepareValue } = createRequire(import.meta.url)('pg/lib/utils.js') as { prepareValue(value: unknown): unknown }

/** A parameter as the driver sends it. */
function asText(value: unknown): string | null {
  const prepared = prepareValue(value)
  if (prepared === null || prepared === undefined) return null
  return Buffer.isBuffer(prepared) ? `\\x${prepared.toString('hex')}` : String(prepared)
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
