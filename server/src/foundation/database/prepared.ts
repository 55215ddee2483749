import {
  CompiledQuery,
  type OperationNode,
  type PostgresPool,
  type PostgresPoolClient,
  type QueryResult,
  type RawBuilder,
  type RawNode,
  sql,
  type ValueNode,
} from 'kysely'
import type pg from 'pg'
import type { Db } from './database.ts'

/** Names of statements by their text. */
const names = new Map<string, string>()
/** More texts than the program has call sites that prepare one. */
const mostNames = 1_000

/** A text and the pieces that it was put together from: literal parts of templates and of `sql.raw`. */
interface KnownText {
  readonly text: string
  readonly pieces: readonly (readonly string[])[]
}

/** The texts of statements by name; several where a statement has variants. */
const texts = new Map<string, KnownText[]>()
const mostVariants = 16

/** Collects the pieces and values of a statement; false if it has other parts than templates and values. */
function collect(node: OperationNode, pieces: (readonly string[])[], values: unknown[]): boolean {
  if (node.kind === 'ValueNode') {
    const { value, immediate } = node as ValueNode
    if (immediate) return false
    values.push(value)
    return true
  }
  if (node.kind !== 'RawNode') return false
  const { sqlFragments, parameters } = node as RawNode
  pieces.push(sqlFragments)
  return parameters.every((parameter) => collect(parameter, pieces, values))
}

const isSamePiece = (a: readonly string[], b: readonly string[] | undefined) => a === b || (a.length === b?.length && a.every((part, i) => part === b[i]))

/**
 * A statement with its text. The text is put together once: the pieces of a template are the same array at every call, so
 * comparing them is enough to know that the text is the same.
 */
function compile<Row>(db: Db, name: string, statement: RawBuilder<Row>): CompiledQuery<Row> {
  const pieces: (readonly string[])[] = []
  const values: unknown[] = []
  if (!collect(statement.toOperationNode(), pieces, values)) return statement.compile(db)
  const known = texts.get(name) ?? []
  const same = known.find((one) => one.pieces.length === pieces.length && one.pieces.every((piece, i) => isSamePiece(piece, pieces[i])))
  if (same) return CompiledQuery.raw(same.text, values) as CompiledQuery<Row>
  const compiled = statement.compile(db)
  if (known.length < mostVariants) texts.set(name, [...known, { text: compiled.sql, pieces }])
  return compiled
}

/**
 * Runs a statement that PostgreSQL parses and plans once per connection, because it is sent thousands of times. Its
 * text must always be the same: arrays are passed as one parameter each, and nothing is built from input.
 * A plan is kept until its tables are analyzed anew, so this is for keys of tables that grow, never for queues, which are
 * empty at one moment and full at the next, unless they are read by key on the write pool.
 */
export async function runPrepared<Row>(db: Db, name: string, statement: RawBuilder<Row>): Promise<QueryResult<Row>> {
  const compiled = compile(db, name, statement)
  remember(name, compiled.sql)
  return db.executeQuery(compiled)
}

function remember(name: string, text: string): void {
  if (!names.has(text) && names.size < mostNames) names.set(text, `${name}_${names.size + 1}`)
}

/** As `runPrepared`, for a text that was built once, with `$1`, `$2` … for its values. */
export async function runPreparedText<Row>(db: Db, name: string, text: string, values: readonly unknown[]): Promise<QueryResult<Row>> {
  remember(name, text)
  return db.executeQuery<Row>(CompiledQuery.raw(text, [...values]))
}

/**
 * Runs writes to different tables as one statement, in one round trip; undefined ones have nothing to do. None
 * of them sees what another writes.
 */
export async function runTogether(db: Db, name: string, writes: (RawBuilder<unknown> | undefined)[]): Promise<void> {
  const parts = writes.filter((write) => write !== undefined).map((write, i) => sql`${sql.raw(`write_${i}`)} as (${write})`)
  if (parts.length > 0) await runPrepared(db, name, sql`with ${sql.join(parts)} select`)
}

/** A pool for Kysely that sends known texts as statements prepared by name; everything else goes as it comes. */
export function preparingPool(pool: pg.Pool): PostgresPool {
  const clients = new WeakMap<pg.PoolClient, PostgresPoolClient>()
  return {
    end: () => pool.end(),
    async connect(): Promise<PostgresPoolClient> {
      const client = await pool.connect()
      let known = clients.get(client)
      if (!known) {
        const made = {
          // Kysely sends texts with values here, and cursors only where a dialect was given some.
          query: (text: unknown, values?: readonly unknown[]) => {
            const name = typeof text === 'string' ? names.get(text) : undefined
            return name === undefined
              ? client.query(text as string, values as unknown[])
              : client.query({ name, text: text as string, values: values as unknown[] })
          },
          release: () => client.release(),
        } as unknown as PostgresPoolClient
        known = made
        clients.set(client, made)
      }
      return known
    },
  }
}
