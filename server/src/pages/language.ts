/** Tags that browsers send for languages that have another tag here. */
const spellings: ReadonlyMap<string, string> = new Map([
  ['zh', 'zh-Hans'],
  ['zh-cn', 'zh-Hans'],
  ['zh-sg', 'zh-Hans'],
  ['zh-my', 'zh-Hans'],
  ['in', 'id'],
])

function match(tag: string, known: readonly string[]): string | undefined {
  const lower = tag.toLowerCase()
  const exact = known.find((one) => one.toLowerCase() === lower) ?? spellings.get(lower)
  if (exact !== undefined) return exact
  const base = lower.split('-')[0] ?? ''
  return known.find((one) => one.toLowerCase() === base) ?? spellings.get(base)
}

/** The language of a page: the chosen one (`?lang=`), else the first that the browser prefers and we have, else the fallback. */
export function languageOf(chosen: unknown, acceptLanguage: string | undefined, known: readonly string[], fallback = 'en'): string {
  const picked = typeof chosen === 'string' ? match(chosen, known) : undefined
  if (picked !== undefined) return picked
  const wanted = (acceptLanguage ?? '')
    .split(',')
    .map((part) => {
      const [tag = '', ...more] = part.trim().split(';')
      const quality = Number(/^\s*q=([\d.]+)/.exec(more.join(';'))?.[1] ?? 1)
      return { tag, quality: Number.isNaN(quality) ? 0 : quality }
    })
    .filter(({ tag, quality }) => tag !== '' && quality > 0)
    .sort((a, b) => b.quality - a.quality)
  for (const { tag } of wanted) {
    const found = match(tag, known)
    if (found !== undefined) return found
  }
  return fallback
}
