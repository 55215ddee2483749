import { sql } from 'kysely'
import { rowsSql } from '#foundation/database/binary-arrays.ts'
import type { Db } from '#foundation/database/database.ts'
import { runPrepared } from '#foundation/database/prepared.ts'
import { sameBusinessSql } from '#foundation/database/same-business.ts'
import { type Colors, defaultColors } from '#foundation/shared/color.ts'

/** The settings of a business; null means the default of the business or of Hawker. */
export interface CheckoutSettingsFields {
  display_name: string | null
  primary_color: string | null
  background_color: string | null
  allowed_origins: string[]
  default_language: string | null
  support_email: string | null
  support_url: string | null
  legal_name: string | null
  registration_number: string | null
  address: string | null
}

export interface CheckoutSettingsRow extends CheckoutSettingsFields {
  business_id: string
  /** 0 before the first change. */
  version: number
  /** SHA-256 of the logo in hexadecimal; null without one. */
  logo_sha256: string | null
}

/** Settings as pages use them: with default colors where none were set. */
export type CheckoutSettings = Omit<CheckoutSettingsRow, keyof Colors> & Colors

const columns = [
  'checkout_settings.business_id',
  'checkout_settings.version',
  'checkout_settings.display_name',
  'checkout_settings.primary_color',
  'checkout_settings.background_color',
  'checkout_settings.allowed_origins',
  'checkout_settings.default_language',
  'checkout_settings.support_email',
  'checkout_settings.support_url',
  'checkout_settings.legal_name',
  'checkout_settings.registration_number',
  'checkout_settings.address',
] as const

const nothing: CheckoutSettingsFields = {
  display_name: null,
  primary_color: null,
  background_color: null,
  allowed_origins: [],
  default_language: null,
  support_email: null,
  support_url: null,
  legal_name: null,
  registration_number: null,
  address: null,
}

const unset = (businessId: string): CheckoutSettingsRow => ({ ...nothing, business_id: businessId, version: 0, logo_sha256: null })

/** Who issues receipts, a line each: the legal name, the registration number and the address, as far as they are set. */
export function issuerOf({
  legal_name,
  registration_number,
  address,
}: Pick<CheckoutSettingsFields, 'legal_name' | 'registration_number' | 'address'>): string[] {
  return [legal_name, registration_number, address].filter((line) => line !== null)
}

/** The effective colors: those that were set, else Hawker's. */
export function colorsOf({ primary_color, background_color }: Pick<CheckoutSettingsFields, keyof Colors>): Colors {
  return { primary_color: primary_color ?? defaultColors.primary_color, background_color: background_color ?? defaultColors.background_color }
}

export function withDefaults(row: CheckoutSettingsRow): CheckoutSettings {
  return { ...row, ...colorsOf(row) }
}

/** The settings of a business, even if it never set any. `display_name` is null if the business's name is used. */
export async function findCheckoutSettings(db: Db, businessId: string): Promise<CheckoutSettings> {
  const row = await db
    .selectFrom('checkout_settings')
    .leftJoin('checkout_logos', 'checkout_logos.business_id', 'checkout_settings.business_id')
    .select(columns)
    .select('checkout_logos.sha256 as logo_sha256')
    .where('checkout_settings.business_id', '=', businessId)
    .executeTakeFirst()
  return withDefaults(row ?? unset(businessId))
}

/** The same for several businesses, in one statement. */
export async function findCheckoutSettingsOf(db: Db, businessIds: string[]): Promise<CheckoutSettings[]> {
  const wanted = [...new Set(businessIds)].map((business_id) => ({ business_id }))
  const { rows } = await runPrepared(
    db,
    'find_checkout_settings',
    sql<CheckoutSettingsRow>`
    select ${sql.raw(columns.join(', '))}, checkout_logos.sha256 as logo_sha256 from ${rowsSql('wanted', { business_id: 'uuid' }, wanted)}
    join checkout_settings on ${sameBusinessSql('checkout_settings', 'wanted', businessIds)}
    left join checkout_logos on ${sameBusinessSql('checkout_logos', 'checkout_settings', businessIds)}`,
  )
  const found = new Map(rows.map((row) => [row.business_id, row]))
  return businessIds.map((id) => withDefaults(found.get(id) ?? unset(id)))
}

/** The settings of a business, locked until the transaction ends; creates their row if there is none. */
export async function lockCheckoutSettings(tx: Db, businessId: string, at: Date): Promise<CheckoutSettingsRow> {
  await tx
    .insertInto('checkout_settings')
    .values({ ...nothing, business_id: businessId, version: 0, created_at: at, updated_at: at })
    .onConflict((conflict) => conflict.columns(['business_id']).doNothing())
    .execute()
  const row = await tx.selectFrom('checkout_settings').select(columns).where('business_id', '=', businessId).forUpdate().executeTakeFirstOrThrow()
  const logo = await tx.selectFrom('checkout_logos').select('sha256').where('business_id', '=', businessId).executeTakeFirst()
  return { ...row, logo_sha256: logo?.sha256 ?? null }
}

/** Writes settings; their row must be locked by this transaction. */
export async function updateCheckoutSettings(tx: Db, businessId: string, row: CheckoutSettingsRow, at: Date): Promise<void> {
  const { version, display_name, primary_color, background_color, allowed_origins, default_language, support_email, support_url } = row
  const { legal_name, registration_number, address } = row
  await tx
    .updateTable('checkout_settings')
    .set({
      version,
      display_name,
      primary_color,
      background_color,
      allowed_origins,
      default_language,
      support_email,
      support_url,
      legal_name,
      registration_number,
      address,
      updated_at: at,
    })
    .where('business_id', '=', businessId)
    .execute()
}

export interface CheckoutLogo {
  content_type: string
  sha256: string
  width: number
  height: number
  data: Buffer
}

/** The picture itself. */
export async function findCheckoutLogo(db: Db, businessId: string): Promise<CheckoutLogo | undefined> {
  return db.selectFrom('checkout_logos').select(['content_type', 'sha256', 'width', 'height', 'data']).where('business_id', '=', businessId).executeTakeFirst()
}

/** Writes a logo, replacing the one before. */
export async function saveCheckoutLogo(tx: Db, businessId: string, logo: CheckoutLogo, at: Date): Promise<void> {
  await tx
    .insertInto('checkout_logos')
    .values({ business_id: businessId, ...logo, created_at: at })
    .onConflict((conflict) => conflict.columns(['business_id']).doUpdateSet({ ...logo, created_at: at }))
    .execute()
}

export async function deleteCheckoutLogo(tx: Db, businessId: string): Promise<void> {
  await tx.deleteFrom('checkout_logos').where('business_id', '=', businessId).execute()
}
