import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { memoryBytes } from './machine.ts'
import { startHawker } from './servers.ts'
import { sleep, type Workspace } from './workspace.ts'

/** Milliseconds from the start of the process to the first answer, and memory at rest. */
export interface StartUp {
  firstMs: number[]
  laterMs: number[]
  nodeMegabytes: number | undefined
  postgresMegabytes: number | undefined
}

/** Starts the product as a user does, on an empty folder and then again, as often as asked. */
export async function measureStartUp(workspace: Workspace, times: number, restSeconds: number): Promise<StartUp> {
  const figures: StartUp = { firstMs: [], laterMs: [], nodeMegabytes: undefined, postgresMegabytes: undefined }
  const apiKey = `test_${'0'.repeat(64)}`
  for (let i = 0; i < times; i++) {
    const folder = join(workspace.folder, `start-${i}`)
    mkdirSync(folder)
    const options = { apiKey, environment: { HAWKER_DATA_DIR: folder, HAWKER_API_KEY: apiKey } }
    const first = await startHawker(workspace, `start-${i}`, options)
    figures.firstMs.push(first.firstAnswerMs)
    await first.stop()
    const later = await startHawker(workspace, `start-${i}`, options)
    figures.laterMs.push(later.firstAnswerMs)
    if (i === times - 1) {
      await sleep(restSeconds * 1000)
      const postmaster = Number(readFileSync(join(folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])
      const megabytes = (bytes: number | undefined) => (bytes === undefined ? undefined : bytes / 2 ** 20)
      figures.nodeMegabytes = megabytes(memoryBytes(later.pid, { without: postmaster }))
      figures.postgresMegabytes = megabytes(memoryBytes(postmaster))
    }
    await later.stop()
  }
  return figures
}
