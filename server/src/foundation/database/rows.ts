import type { Selectable } from 'kysely'
import type { DB } from './tables.ts'

/** A table's row as it is read: its generated columns, some of them with a narrower type. A column that a migration adds is part of it. */
export type RowOf<Table extends keyof DB, Narrowed extends { [Name in keyof Narrowed]: Name extends keyof DB[Table] ? unknown : never } = object> = Omit<
  Selectable<DB[Table]>,
  keyof Narrowed
> &
  Narrowed
