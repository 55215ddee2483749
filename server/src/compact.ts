import v8 from 'node:v8'
import vm from 'node:vm'

const lookEveryMs = 5_000
/** Shares of a processor that the process uses. */
const busyFrom = 0.2
const quietUpTo = 0.05

/**
 * Gives memory back to the system whenever the process has become quiet: after the start, and after load. V8 does so only
 * when memory runs short, and keeps what it has freed; here that would be a tenth of all that a quiet Hawker holds.
 */
export function compactWhenQuiet(): void {
  let wasBusy = true
  let last = process.cpuUsage()
  setInterval(() => {
    const { user, system } = process.cpuUsage(last)
    last = process.cpuUsage()
    const used = (user + system) / 1000 / lookEveryMs
    if (used > busyFrom) wasBusy = true
    else if (wasBusy && used < quietUpTo) {
      wasBusy = false
      compact()
    }
  }, lookEveryMs).unref()
}

/** Collects garbage, and releases the pages that were kept for more of it. */
function compact(): void {
  v8.setFlagsFromString('--expose-gc')
  const collect: (options: { type: string; flavor: string }) => void = vm.runInNewContext('gc')
  collect({ type: 'major', flavor: 'last-resort' })
}
