import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { groupCommit } from './group-commit.ts'

const soon = (turns: number) => new Promise<void>((done) => (turns <= 0 ? done() : setImmediate(() => void soon(turns - 1).then(done))))

interface Row {
  n: number
  group: string
  bad: boolean
}

describe('group commit', () => {
  test('rows that arrive together are written in one statement, in order', async () => {
    const statements: number[][] = []
    const commit = groupCommit<number, number>({
      async write(rows) {
        statements.push(rows)
        return rows.map((n) => n * 10)
      },
    })
    expect(await Promise.all([1, 2, 3].map(commit))).toEqual([10, 20, 30])
    expect(statements).toEqual([[1, 2, 3]])
  })

  test('only the row at fault fails', async () => {
    const commit = groupCommit<number, number>({
      async write(rows) {
        if (rows.includes(7)) throw new Error('seven')
        return rows
      },
    })
    const settled = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => commit(n)))
    expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(1)
    expect(settled[7]).toMatchObject({ status: 'rejected', reason: new Error('seven') })
    expect(settled[19]).toEqual({ status: 'fulfilled', value: 19 })
  })

  test('a whole flush fails when no single row can be at fault, and the next flush proceeds', async () => {
    let lost = true
    let writes = 0
    const commit = groupCommit<number, number>({
      async write(rows) {
        writes += 1
        if (lost) throw new Error('connection lost')
        return rows
      },
      mayBeOneRow: () => false,
    })
    const settled = await Promise.allSettled([1, 2, 3].map(commit))
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(writes).toBe(1)
    lost = false
    expect(await commit(4)).toBe(4)
  })

  test('a write that throws synchronously fails like any other', async () => {
    const commit = groupCommit<number, number>({
      write() {
        throw new Error('at once')
      },
    })
    await expect(commit(1)).rejects.toThrow('at once')
  })

  test('a write that answers for fewer rows than it got fails them all', async () => {
    const commit = groupCommit<number, number>({ write: async (rows) => rows.slice(1), mayBeOneRow: () => false })
    const settled = await Promise.allSettled([1, 2].map(commit))
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })

  test('under random arrivals, delays and failures, each row gets its own answer, groups never mix and no limit is exceeded', async () => {
    const row = fc.record({ n: fc.nat(), group: fc.constantFrom('a', 'b', 'c'), bad: fc.boolean() })
    const arrivals = fc.array(fc.record({ rows: fc.array(row, { minLength: 1, maxLength: 8 }), pause: fc.nat(3), slow: fc.nat(4) }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(arrivals, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 3 }), async (bursts, maxRows, maxInFlight) => {
        const inFlight: Record<string, number> = {}
        const written: Row[] = []
        let turn = 0
        const commit = groupCommit<Row, number>({
          groupOf: ({ group }) => group,
          maxRows,
          maxInFlight,
          async write(rows) {
            const group = rows[0]?.group ?? ''
            expect(rows.length).toBeLessThanOrEqual(maxRows)
            expect(new Set(rows.map((one) => one.group)).size).toBe(1)
            inFlight[group] = (inFlight[group] ?? 0) + 1
            expect(inFlight[group]).toBeLessThanOrEqual(maxInFlight)
            turn += 1
            await soon(bursts[turn % bursts.length]?.slow ?? 0)
            inFlight[group] -= 1
            if (rows.some(({ bad }) => bad)) throw new Error('bad row')
            written.push(...rows)
            return rows.map(({ n }) => n + 1)
          },
        })
        const all: { row: Row; result: Promise<PromiseSettledResult<number>[]> }[] = []
        for (const { rows, pause } of bursts) {
          for (const one of rows) all.push({ row: one, result: Promise.allSettled([commit(one)]) })
          await soon(pause)
        }
        const settled = (await Promise.all(all.map(({ result }) => result))).flat()
        settled.forEach((outcome, i) => {
          const one = all[i]?.row
          if (one?.bad) expect(outcome).toMatchObject({ status: 'rejected', reason: new Error('bad row') })
          else expect(outcome).toEqual({ status: 'fulfilled', value: (one?.n ?? 0) + 1 })
        })
        const good = all.map(({ row: one }) => one).filter(({ bad }) => !bad)
        expect(new Set(written)).toEqual(new Set(good))
        expect(written).toHaveLength(good.length)
      }),
      { numRuns: 80 },
    )
  })
})
