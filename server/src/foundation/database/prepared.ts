import { CompiledQuery, type PostgresPool, type PostgresPoolClient, type QueryResult, type RawBuilder, sql } from 'kysely'
import type pg from 'pg'
import type { Db } from './database.ts'

/** Names of statements by their text. */
const names = new Map<string, string>()
/** More texts than a program has places that prepare one. */
const mostNames = 1_000

/**
 * Runs a statement that PostgreSQL parses and plans once for each connection, because it is sent thousands of times. Its
 * text must always be the same: arrays go as one parameter each, and nothing is put together from input.
 * A plan is kept until its tables are analyzed anew, so this is for keys of tables that grow, never for queues, which are
 * empty at one moment and full at the next.
 */
export async function runPrepared<Row>(db: Db, name: string, statement: RawBuilder<Row>): Promise<QueryResult<Row>> {
  const compiled = statement.compile(db)
  remember(name, compiled.sql)
  return db.executeQuery(compiled)
}

function remember(name: string, text: string): void {
  if (!names.has(text) && names.size < mostNames) names.set(text, `${name}_${names.size + 1}`)
}

/** As `runPrepared`, for a text that was put together once, with `$1`, `$2` … for its values. */
export async function runPreparedText<Row>(db: Db, name: string, text: string, values: readonly unknown[]): Promise<QueryResult<Row>> {
  remember(name, text)
  return db.executeQuery<Row>(CompiledQuery.raw(text, [...values]))
}

/**
 * Runs writes to different tables as one statement, in one round trip; those that are undefined have nothing to do. None
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
