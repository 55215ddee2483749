import type { Logger } from 'pino'
import { lockDataDirectory } from '#foundation/database/data-directory.ts'
import { reportConnections, writeConnections } from '#foundation/database/database.ts'
import { beginEmbedded, type StartingDatabase } from '#foundation/database/embedded.ts'
import { keepEmbedded } from '#foundation/database/keep-embedded.ts'
import type { Config } from './config.ts'

/** The embedded PostgreSQL while it starts, in a data directory that belongs to this process. */
export interface LaunchedDatabase extends StartingDatabase {
  /** From now on, starts the server again when it stops by itself: killed, out of memory or disk. It has the same address then. */
  keepRunning(log: Logger): void
  /** Stops the server and releases the data directory. */
  close(): Promise<void>
}

/** Connections of a process that serves the API: its pools (`openDatabase`). */
const connectionsOf = ({ databaseConnections }: Config) =>
  databaseConnections + Math.max(2, Math.floor(databaseConnections / 2)) + writeConnections + reportConnections
/** Connections of the worker's job queue and its lease, and of commands that work beside a running Hawker. */
const queueConnections = 5
const besideConnections = 12

/**
 * The most connections that a Hawker with this configuration opens: those of every process, and of one more of each kind
 * while a restart replaces them.
 */
export function connectionsNeeded(config: Config): number {
  const each = connectionsOf(config)
  if (config.processes === 1) return each + queueConnections + besideConnections
  return (config.processes + 1) * each + 2 * (each + queueConnections) + besideConnections
}

/** Locks the data directory and starts PostgreSQL in it, without waiting until it responds. Throws `StartError`. */
export async function launchEmbedded(config: Config): Promise<LaunchedDatabase> {
  const unlock = lockDataDirectory(config.dataDirectory)
  const options = {
    directory: config.dataDirectory,
    tcpPort: config.databasePort,
    settings: { max_connections: String(Math.max(50, connectionsNeeded(config))) },
  }
  try {
    const { connection, ready } = await beginEmbedded(options)
    const keeper = keepEmbedded(ready, async () => (await beginEmbedded(options)).ready)
    return {
      connection,
      ready,
      keepRunning: keeper.keepRunning,
      async close() {
        try {
          await keeper.stop()
        } finally {
          unlock()
        }
      },
    }
  } catch (error) {
    unlock()
    throw error
  }
}
