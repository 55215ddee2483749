import { distance } from 'fastest-levenshtein'

/** The longest text that is compared; longer ones are no misspelling of a name. */
const longest = 64

/** The names that a misspelled one may stand for, closest first: those that begin with it, or differ from it in a few letters. */
export function closestNames(typed: string, names: readonly string[]): string[] {
  if (typed === '' || typed.length > longest) return []
  const wanted = typed.toLowerCase()
  const scored = names.flatMap((name) => {
    const other = name.toLowerCase()
    const letters = distance(wanted, other)
    const begins = wanted.length >= 2 && other.startsWith(wanted)
    return begins || letters <= Math.max(1, Math.floor(Math.min(wanted.length, other.length) / 2.5)) ? [{ name, rank: begins ? 0 : letters }] : []
  })
  const best = Math.min(...scored.map(({ rank }) => rank))
  return scored.filter(({ rank }) => rank === best).map(({ name }) => name)
}

/** ` Did you mean "start"?`, or nothing if no name is close. */
export function didYouMean(typed: string, names: readonly string[], shown: (name: string) => string = JSON.stringify): string {
  const close = closestNames(typed, names).slice(0, 3).map(shown)
  return close.length === 0 ? '' : ` Did you mean ${close.join(' or ')}?`
}
