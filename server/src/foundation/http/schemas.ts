import { type Static, type TSchema, Type } from 'typebox'

/**
 * Text without control characters, NUL and unpaired surrogates. `options` may hold `message`, which a violation is
 * called in a 422.
 */
export function plainText(maxLength: number, options: Record<string, unknown> = {}) {
  return Type.String({ maxLength, pattern: '^[^\\p{Cc}\\p{Cs}]*$', ...options })
}

/** Text that may contain line breaks and tabs, otherwise like `plainText`. */
export function longText(maxLength: number, options: Record<string, unknown> = {}) {
  return Type.String({ maxLength, pattern: '^(?:[^\\p{Cc}\\p{Cs}]|[\\n\\r\\t])*$', ...options })
}

/** A schema that also accepts null. Written as two types and not as alternatives, so that errors are reported once. */
export function nullable<Schema extends TSchema>(schema: Schema) {
  const { type, ...rest } = schema as unknown as { type: string }
  return Type.Unsafe<Static<Schema> | null>({ ...rest, type: [type, 'null'] })
}

/** The Idempotency-Key header, on every write. */
export const writeHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ description: 'Makes the request safe to retry for 30 days: a retry returns the stored response, marked `Idempotent-Replayed: true`.' }),
  ),
})

/** As `writeHeaders`, with If-Match. */
export const changeHeaders = Type.Object({
  ...writeHeaders.properties,
  'if-match': Type.Optional(
    Type.String({ description: 'Apply the request only to the version with this `ETag`; otherwise the response is 412 with the current one.' }),
  ),
})

/** The envelope of a list that is paged by cursor (behaviour §1.8). */
export function CursorPage<Item extends TSchema>(item: Item, title: string) {
  const nullableText = Type.Unsafe<string | null>({ type: ['string', 'null'] })
  // The contract shows these four without a type, and so do we: a client generated from it must accept ours.
  const untyped = (description: string) => Type.Unsafe<string | null>({ description })
  return Type.Object(
    {
      data: Type.Array(item),
      links: Type.Object({
        first: untyped('Always null.'),
        last: untyped('Always null.'),
        prev: untyped('URL of the previous page, or null.'),
        next: nullableText,
      }),
      meta: Type.Object({
        path: Type.String(),
        per_page: Type.Integer(),
        next_cursor: nullableText,
        prev_cursor: untyped('Cursor of the previous page, or null.'),
      }),
    },
    { title },
  )
}

/** True or false in every format that clients use (behaviour §1.3): JSON's, `"true"`, `1`, `"1"`. `isTrue` reads it. */
export function lenientFlag(description?: string) {
  const values = [true, false, 'true', 'false', 'True', 'False', '1', '0']
  return Type.Unsafe<boolean | string>({ type: ['boolean', 'string'], enum: values, ...(description ? { description } : {}) })
}

/** The value of a lenient flag; undefined if it was omitted. */
export function isTrue(flag: boolean | string | undefined): boolean | undefined {
  return flag === undefined ? undefined : flag === true || flag === '1' || String(flag).toLowerCase() === 'true'
}
