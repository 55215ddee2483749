import type { Member } from './begin-member.ts'
import type { Report } from './messages.ts'

/** A process that does not respond by then is missing from the metrics. */
const patienceMs = 1_000

/** Forwards the messages of one process to the others, and collects metrics. `others` names those that can be reached. */
export function createExchange(others: (besides?: Member) => Member[]): (from: Member, report: Report) => void {
  const measuring = new Map<number, (metrics: object[]) => void>()
  let questions = 0

  const measure = (member: Member) =>
    new Promise<object[]>((done) => {
      questions += 1
      const number = questions
      const late = setTimeout(() => answer([]), patienceMs)
      const answer = (metrics: object[]) => {
        clearTimeout(late)
        measuring.delete(number)
        done(metrics)
      }
      measuring.set(number, answer)
      member.tell({ kind: 'measure', number })
    })

  return (from, report) => {
    if (report.kind === 'committed' || report.kind === 'counts') for (const member of others(from)) member.tell(report)
    if (report.kind === 'metrics') measuring.get(report.number)?.(report.metrics)
    if (report.kind === 'measure all')
      void Promise.all(others().map(measure)).then((all) => from.tell({ kind: 'measured', number: report.number, all: all.filter(({ length }) => length > 0) }))
  }
}
