import { type Progress, styled } from '#commands/terminal.ts'
import type { Config } from '#config.ts'
import { createLog } from '#foundation/http/observability.ts'
import { openBeside } from '#open.ts'
import { findCounterExamples } from '#verify/checks.ts'

/**
 * `hawker verify`: recomputes everything and prints every mismatch in a line. Returns the exit code: 0 if there is none,
 * else 1. Works beside a running Hawker.
 */
export async function verifyCommand(config: Config, { json }: { json?: boolean | undefined }, progress: Progress): Promise<number> {
  const opened = await openBeside(config, createLog('silent'))
  try {
    const onCheck = (check: string, number: number, all: number) => progress.show(`Checking ${number} of ${all}: ${check}`)
    const { found, counts } = await findCounterExamples(opened.database.reports, onCheck)
    progress.clear()
    if (json) process.stdout.write(`${JSON.stringify({ counts, counter_examples: found })}\n`)
    else {
      for (const [check, count] of Object.entries(counts))
        process.stdout.write(`${count === 0 ? styled('green', 'ok  ') : styled('red', 'FAIL')}  ${check}${count === 0 ? '' : ` (${count})`}\n`)
      for (const one of found) process.stdout.write(`\n${one.check}\n  business ${one.business_id}\n  ${one.object}: ${one.says}\n`)
      process.stdout.write(found.length === 0 ? '\nEverything adds up.\n' : '\nSomething does not add up; see the findings above.\n')
    }
    return found.length === 0 ? 0 : 1
  } finally {
    await opened.close()
  }
}
