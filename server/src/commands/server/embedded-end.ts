import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '#config.ts'
import type { EmbeddedDatabase } from '#foundation/database/embedded.ts'

/** Ends the process when the embedded PostgreSQL stops unexpectedly. Returns a function that turns this off, for a regular stop. */
export function watchEmbedded(embedded: EmbeddedDatabase | undefined, { dataDirectory }: Config, log: Logger): () => void {
  let isForgotten = false
  void embedded?.exited.then(() => {
    if (isForgotten) return
    log.fatal('the embedded PostgreSQL has stopped; see postgres.log in the data directory')
    log.flush()
    process.stderr.write(`hawker: PostgreSQL stopped unexpectedly; see ${join(dataDirectory, 'postgres.log')}. Start Hawker again.\n`)
    process.exit(1)
  })
  return () => {
    isForgotten = true
  }
}
