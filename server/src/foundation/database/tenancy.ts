import { type ColumnNode, type KyselyPlugin, OperationNodeTransformer, type TableNode } from 'kysely'

/** Tables whose every row belongs to one business; the schema test keeps this list and the catalogue alike. */
export const tenantTables: ReadonlySet<string> = new Set([
  'api_keys',
  'bank_accounts',
  'bank_credits',
  'charges',
  'checkout_logos',
  'checkout_settings',
  'customers',
  'event_positions',
  'events',
  'fee_schedules',
  'idempotency_keys',
  'ledger_accounts',
  'ledger_transfers',
  'locations',
  'mails',
  'payment_request_endings',
  'payment_request_expiries',
  'payment_requests',
  'rail_checks',
  'rail_credentials',
  'rail_notifications',
  'refunds',
  'releases',
  'search_grams',
  'webhook_attempts',
  'webhook_deliveries',
  'webhook_endpoints',
  'webhook_queue',
])

/** Tables found by something opaque that a client sends, without knowing the business (scale-out rule 10). */
export const lookupTables: ReadonlySet<string> = new Set(['directory'])

/** Tables that belong to the installation as a whole. */
export const globalTables: ReadonlySet<string> = new Set(['businesses', 'migrations'])

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

/** Throws when a query made by the builder touches a tenant table and names no `business_id`. On in tests. */
export const requireBusiness: KyselyPlugin = {
  transformQuery({ node }) {
    const names = new Names()
    names.transformNode(node)
    for (const table of names.tables) {
      if (tenantTables.has(table) && !names.columns.has('business_id')) throw new Error(`query on ${table} names no business_id`)
    }
    return node
  },
  transformResult: async ({ result }) => result,
}
