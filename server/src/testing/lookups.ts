/** Lookups of every form, of which `lookups.test.ts` must find those whose key may be any text. */
export function lookUp(name: string, given: string | undefined, side: 'left' | 'right'): unknown[] {
  const table = { left: 1, right: 2 } as { readonly left: number; readonly right: number; readonly [more: string]: number }
  const counts: Record<string, number> = {}
  counts[name] = 1
  return [
    name in table,
    'left' in table,
    table[name],
    given === undefined ? 0 : table[given],
    table[name as keyof typeof table],
    table[side],
    table['left'],
    table[`body.${name}`],
    [name][0],
    (counts[name] ??= 0),
  ]
}
