/**
 * What an object has under a key that may come from outside; undefined if the object only inherits it, as every object inherits
 * `constructor`. Objects are read by such keys with this function alone (`server/src/lookups.test.ts`).
 */
export function ownValue<Value>(object: { readonly [key: string]: Value }, key: string): Value | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}
