import { contrastOfControls, contrastRatio, formatContrast, parseColor } from '#foundation/shared/color.ts'
import { type FieldErrors, invalid, spoken } from '#foundation/shared/errors.ts'
import { parseOrigin } from '#foundation/shared/origin.ts'
import { type CheckoutSettingsFields, colorsOf } from './queries.ts'
import { languages, mostOrigins, type UpdateCheckoutSettings } from './wire.ts'

const colors = ['primary_color', 'background_color'] as const

/** Normalizes other formats into the documented ones: languages in any case, Chinese by its usual codes. */
export function acceptSpellings(body: Record<string, unknown>): Record<string, unknown> {
  const out = { ...body }
  if (typeof out.default_language === 'string') {
    const wanted = out.default_language.toLowerCase()
    const usual = /^zh(-cn|-sg)?$/.test(wanted) ? 'zh-hans' : wanted
    out.default_language = languages.find((language) => language.toLowerCase() === usual) ?? out.default_language
  }
  return out
}

/** Errors that a schema cannot express: colors, origins, URLs. Accepts bodies of any shape. */
export function checkoutSettingsFaults(body: unknown): FieldErrors {
  const errors: FieldErrors = {}
  const fields = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  for (const field of colors) {
    const value = fields[field]
    if (typeof value === 'string' && value !== '' && !parseColor(value)) errors[field] = [`The ${spoken(field)} must be a color such as #1d4ed8.`]
  }
  for (const [i, origin] of (Array.isArray(fields.allowed_origins) ? fields.allowed_origins.slice(0, mostOrigins) : []).entries()) {
    if (typeof origin === 'string' && !parseOrigin(origin))
      errors[`allowed_origins.${i}`] = [
        `The allowed origins.${i} must be an origin such as https://shop.example.com, without a path; http only for localhost and 127.0.0.1.`,
      ]
  }
  const { support_url } = fields
  if (typeof support_url === 'string' && support_url !== '' && !(/^https?:\/\/[^\s]+$/i.test(support_url) && URL.canParse(support_url)))
    errors.support_url = ['The support url format is invalid.']
  return errors
}

/** The fields after an update. Throws 422 for invalid values, and for colors with too little contrast. */
export function applyCheckoutSettings(before: CheckoutSettingsFields, body: UpdateCheckoutSettings): CheckoutSettingsFields {
  const errors = checkoutSettingsFaults(body)
  if (Object.keys(errors).length > 0) throw invalid(errors)
  const color = (field: (typeof colors)[number]) => {
    const value = body[field]
    return value === undefined ? before[field] : value && (parseColor(value) ?? null)
  }
  const after: CheckoutSettingsFields = {
    display_name: body.display_name === undefined ? before.display_name : body.display_name,
    primary_color: color('primary_color'),
    background_color: color('background_color'),
    allowed_origins:
      body.allowed_origins === undefined
        ? before.allowed_origins
        : [...new Set((body.allowed_origins ?? []).map(parseOrigin))].filter((origin) => origin !== undefined),
    default_language: body.default_language === undefined ? before.default_language : body.default_language,
    support_email: body.support_email === undefined ? before.support_email : body.support_email,
    support_url: body.support_url === undefined ? before.support_url : body.support_url,
    legal_name: body.legal_name === undefined ? before.legal_name : body.legal_name,
    registration_number: body.registration_number === undefined ? before.registration_number : body.registration_number,
    address: body.address === undefined ? before.address : body.address,
  }
  requireReadable(after, body)
  return after
}

/**
 * 422 that names the color at fault, its contrast and the required one. Text needs no such check: every
 * color has white or near-black text with 4.5:1, and pages use the readable one (`textOn`).
 */
function requireReadable(after: CheckoutSettingsFields, body: UpdateCheckoutSettings): void {
  const { primary_color, background_color } = colorsOf(after)
  const ratio = contrastRatio(primary_color, background_color)
  if (ratio >= contrastOfControls) return
  const [field, other] = body.primary_color !== undefined ? colors : ([colors[1], colors[0]] as const)
  const found = `has a contrast of ${formatContrast(ratio)} with the ${spoken(other)}`
  throw invalid({ [field]: [`The ${spoken(field)} ${found}; at least ${formatContrast(contrastOfControls)} is required.`] }, 'contrast_too_low')
}
