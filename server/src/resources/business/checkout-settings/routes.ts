import { isDeepStrictEqual } from 'node:util'
import type { Database, Db } from '#foundation/database/database.ts'
import type { Api, Call } from '#foundation/http/api.ts'
import { etagOf, isKnown, requireMatch } from '#foundation/http/etag.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import { writeOnce } from '#foundation/http/transaction.ts'
import {
  type CheckoutSettings as CheckoutSettingsOfPages,
  type CheckoutSettingsRow,
  deleteCheckoutLogo,
  findCheckoutSettings,
  lockCheckoutSettings,
  saveCheckoutLogo,
  updateCheckoutSettings,
  withDefaults,
} from './queries.ts'
import { readLogo } from './read-logo.ts'
import { acceptSpellings, applyCheckoutSettings, checkoutSettingsFaults } from './rules.ts'
import { CheckoutSettings, PutCheckoutLogo, presentCheckoutSettings, UpdateCheckoutSettings } from './wire.ts'

export interface CheckoutSettingsDeps {
  database: Database
}

const tagOf = ({ business_id, version }: Pick<CheckoutSettingsRow, 'business_id' | 'version'>) => etagOf({ id: business_id, version })

function answerWith(row: CheckoutSettingsOfPages, { business, baseUrl }: Pick<Call, 'business' | 'baseUrl'>): Answer {
  return { status: 200, body: JSON.stringify(presentCheckoutSettings(row, business, baseUrl)), headers: { etag: tagOf(row) } }
}

/** The look of a business's checkout, and who may frame it. */
export function checkoutSettingsRoutes(api: Api, deps: CheckoutSettingsDeps): void {
  const checkoutSettings = api.group('Checkout settings')
  const path = '/v1/checkout-settings'
  checkoutSettings.read(
    path,
    { operationId: 'getCheckoutSettings', summary: 'Get the checkout settings', answers: { 200: CheckoutSettings, 304: null } },
    async (call) => {
      const row = await findCheckoutSettings(deps.database.db, call.business.id)
      const etag = tagOf(row)
      return isKnown(call.headers['if-none-match'], etag) ? { status: 304, headers: { etag } } : answerWith(row, call)
    },
  )

  checkoutSettings.write(
    'PATCH',
    path,
    {
      operationId: 'updateCheckoutSettings',
      summary: 'Update the checkout settings',
      description: '`null` resets a field to its default. Colors with too little contrast are rejected.',
      ifMatch: true,
      body: UpdateCheckoutSettings,
      answers: { 200: CheckoutSettings },
      normalise: acceptSpellings,
      faults: checkoutSettingsFaults,
    },
    (call) => change(deps, call, async (_tx, before) => ({ ...before, ...applyCheckoutSettings(before, call.body) })),
  )

  checkoutSettings.write(
    'PUT',
    `${path}/logo`,
    {
      operationId: 'putCheckoutLogo',
      summary: 'Set the checkout logo',
      description: 'A PNG, JPEG or WebP picture: in base64, or as the file of a multipart body under any field name.',
      ifMatch: true,
      body: PutCheckoutLogo,
      answers: { 200: CheckoutSettings },
      takesFile: true,
    },
    async (call) => {
      const logo = readLogo(call.body)
      return change(deps, call, async (tx, before, at) => {
        if (before.logo_sha256 !== logo.sha256) await saveCheckoutLogo(tx, call.business.id, logo, at)
        return { ...before, logo_sha256: logo.sha256 }
      })
    },
  )

  checkoutSettings.write(
    'DELETE',
    `${path}/logo`,
    { operationId: 'deleteCheckoutLogo', summary: 'Delete the checkout logo', ifMatch: true, answers: { 204: null } },
    (call) => {
      const remove = async (tx: Db, before: CheckoutSettingsRow) => {
        await deleteCheckoutLogo(tx, call.business.id)
        return { ...before, logo_sha256: null }
      }
      return change(deps, call, remove, { status: 204 })
    },
  )
}

/** Changes the settings while their row is locked; a change of nothing keeps the version. */
function change(
  { database }: CheckoutSettingsDeps,
  call: Pick<Call, 'business' | 'at' | 'baseUrl' | 'headers' | 'claim'>,
  decide: (tx: Db, before: CheckoutSettingsRow, at: Date) => Promise<CheckoutSettingsRow>,
  answer?: Answer,
): Promise<Answer> {
  const { business, at, headers, claim } = call
  return writeOnce(database.db, claim, at, async (tx) => {
    const before = await lockCheckoutSettings(tx, business.id, at)
    requireMatch(headers['if-match'], tagOf(before))
    const after = await decide(tx, before, at)
    if (isDeepStrictEqual(after, before)) return answer ?? answerWith(withDefaults(before), call)
    const row = { ...after, version: before.version + 1 }
    await updateCheckoutSettings(tx, business.id, row, at)
    return answer ?? answerWith(withDefaults(row), call)
  })
}
