import { type ColumnNode, type KyselyPlugin, OperationNodeTransformer, type TableNode } from 'kysely'
import { readMigrations } from './migrate.ts'

/** Tables looked up by something opaque that a client sends, without knowing the business (scale-out rule 10). */
export const lookupTables: ReadonlySet<string> = new Set(['directory'])

/** Tables that belong to the installation as a whole. */
export const globalTables: ReadonlySet<string> = new Set(['businesses', 'migrations'])

let tenant: ReadonlySet<string> | undefined

/** Tables whose every row belongs to one business: all that the migrations create, except those of the lists. The schema test compares them with the catalog. */
export function tenantTables(): ReadonlySet<string> {
  tenant ??= new Set(
    readMigrations()
      .flatMap(({ statements }) => statements.flatMap((statement) => /^create table (?:if not exists )?hawker\.(\w+)/i.exec(statement)?.[1] ?? []))
      .filter((table) => !lookupTables.has(table) && !globalTables.has(table)),
  )
  return tenant
}

class Names extends OperationNodeTransformer {
  readonly tables = new Set<string>()
  readonly columns = new Set<string>()

  protected override transformTable(node: TableNode): TableNode {
    this.tables.add(node.table.identifier.name)
    return super.transformTable(node)
  }

  protected override transformColumn(node: ColumnNode): ColumnNode {
    this.columns.add(node.column.name)
    return super.transformColumn(node)
  }
}

/** Throws if a query made by the builder touches a tenant table and names no `business_id`. On in tests. */
export const requireBusiness: KyselyPlugin = {
  transformQuery({ node }) {
    const names = new Names()
    names.transformNode(node)
    for (const table of names.tables) {
      if (tenantTables().has(table) && !names.columns.has('business_id')) throw new Error(`query on ${table} names no business_id`)
    }
    return node
  },
  transformResult: async ({ result }) => result,
}
