import type { FastifyRequest } from 'fastify'

/** At most so many names are kept of one request, and so much of each: a client chooses them. */
const mostNames = 20
const longestName = 64

const namesOf = new WeakMap<object, string[]>()
/** What Laravel's clients send beside the fields of a form. */
const notFields = new Set(['_method', '_token'])

/** Remembers a field of validated data that its schema does not know; nested ones are joined by dots. */
export function noteIgnoredField(names: string[], path: string): void {
  if (names.length > mostNames || notFields.has(path)) return
  // One more than are shown says that there are more.
  names.push(path.slice(0, longestName))
}

/** Keeps the names that were noted for a body or a query. */
export function keepIgnoredFields(data: object, names: string[]): void {
  if (names.length > 0) namesOf.set(data, names)
}

/** Notes every field of data that no schema reads. */
export function ignoreAll(data: object): void {
  const names: string[] = []
  for (const name of Object.keys(data)) noteIgnoredField(names, name)
  keepIgnoredFields(data, names)
}

/** The names of fields that an operation's request has and its schema does not know, bounded; none for pages. */
export function ignoredFieldsOf({ body, query, routeOptions }: FastifyRequest): string[] {
  if (routeOptions.config?.operation === undefined) return []
  return [body, query].flatMap((data) => (typeof data === 'object' && data !== null ? (namesOf.get(data) ?? []) : [])).slice(0, mostNames + 1)
}

/** The names as a header's value: only characters that a header may have, and an ellipsis where there are more. */
export function ignoredFieldsHeader(names: readonly string[]): string {
  const shown = names.slice(0, mostNames).map((name) => name.replace(/[^\w.[\]-]/g, '?'))
  return [...shown, ...(names.length > mostNames ? ['...'] : [])].join(', ')
}
