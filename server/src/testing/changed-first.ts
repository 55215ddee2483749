import { spawnSync } from 'node:child_process'
import { dirname, relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that differ from the last commit, including new ones, by their path from the checkout's root; none without git. */
function changedFiles(): string[] {
  const { stdout, status } = spawnSync('git', ['status', '--porcelain', '--untracked-files=all'], { encoding: 'utf8' })
  return status === 0 ? stdout.split('\n').flatMap((line) => (line.length > 3 ? [line.slice(3).replace(/^.* -> /, '')] : [])) : []
}

/** Runs changed tests and those next to a changed file first, so that a developer sees their own mistake within seconds. */
export class ChangedFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const changed = changedFiles()
    const [names, folders] = [new Set(changed), new Set(changed.map((file) => dirname(file)))]
    const rank = ({ moduleId }: TestSpecification) => {
      const path = relative(process.cwd(), moduleId).replaceAll('\\', '/')
      return names.has(path) ? 0 : folders.has(dirname(path)) ? 1 : 2
    }
    const sorted = await super.sort(files)
    return [...sorted].sort((a, b) => rank(a) - rank(b))
  }
}
