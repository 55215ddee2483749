const yes = new Set<unknown>([true, 1, '1', 'true', 'on', 'yes'])
const no = new Set<unknown>([false, 0, '0', 'false', 'off', 'no'])

/** A boolean in any format that clients use (behaviour §1.3); anything else is left for the schema to reject. */
export function readFlag(value: unknown): unknown {
  const spelled = typeof value === 'string' ? value.toLowerCase() : value
  if (yes.has(spelled)) return true
  return no.has(spelled) ? false : value
}

/** An array in any format that clients use: one value, values joined by commas, or PHP's numbered keys. */
export function readList(value: unknown): unknown {
  if (typeof value === 'string') {
    return value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).every((key) => /^\d+$/.test(key))) return Object.values(value)
  return value
}

/**
 * A body whose flags and lists are in JSON's format, before it is validated. An empty flag or list counts as
 * omitted: it keeps its default on create and its value on update.
 */
export function withSpellings(
  body: Record<string, unknown>,
  { flags, lists }: { flags: readonly string[]; lists: readonly string[] },
): Record<string, unknown> {
  const out = { ...body }
  for (const name of flags) {
    if (out[name] === null) delete out[name]
    else if (name in out) out[name] = readFlag(out[name])
  }
  for (const name of lists) {
    if (out[name] === null) delete out[name]
    else if (name in out) out[name] = readList(out[name])
  }
  return out
}
