import { buildDuitNow } from '#engine/rails/qr/duitnow.ts'
import { fitText } from '#engine/rails/qr/emv.ts'
import { buildPayNow } from '#engine/rails/qr/paynow.ts'
import { buildPromptPayBill } from '#engine/rails/qr/promptpay.ts'
import { buildQris } from '#engine/rails/qr/qris.ts'
import { buildQrPhMerchant } from '#engine/rails/qr/qrph.ts'
import { buildUpi } from '#engine/rails/qr/upi.ts'
import { buildVietQr } from '#engine/rails/qr/vietqr.ts'
import type { Currency } from '#foundation/shared/money.ts'
import type { PaymentMethod } from './methods.ts'

export interface SandboxPayment {
  businessId: string
  payeeName: string
  amountMinor: bigint
  currency: Currency
  /** What is returned with the payment: 20 of `[A-Z0-9]`. */
  reference: string
  expiresAt: Date | null
  /** The hosted page, for wallets whose schemes are not public. */
  checkoutUrl: string
}

const checkLetters = 'ZKCMDNERGWH'
const weights = [10, 8, 6, 4, 9, 7, 5, 3, 1]

/**
 * A UEN of a business that cannot exist: registered in 2099, with the right check letter. Every bank can read a code that
 * leaves the sandbox, and it pays no one.
 */
export function sandboxUen(businessId: string): string {
  const digits = `2099${String(Number.parseInt(businessId.slice(-7), 16) % 100_000).padStart(5, '0')}`
  const sum = [...digits].reduce((total, digit, i) => total + Number(digit) * (weights[i] ?? 0), 0)
  return digits + checkLetters[sum % checkLetters.length]
}

/** The payment code of a method in the sandbox: a real payload of its scheme, to payees that cannot exist. */
export function sandboxCode(method: PaymentMethod, payment: SandboxPayment): string {
  const { businessId, payeeName, amountMinor, currency, reference, expiresAt, checkoutUrl } = payment
  const name = fitText(payeeName, 25)
  switch (method.code) {
    case 'paynow_online':
      return buildPayNow({
        proxyType: 'uen',
        proxy: sandboxUen(businessId),
        amountMinor,
        reference,
        name,
        ...(expiresAt ? { expiresAt, expiryPrecision: 'second' } : {}),
      })
    case 'opn_prompt_pay':
      return buildPromptPayBill({ billerId: '000000000000000', reference1: reference, amountMinor })
    case 'qrph_netbank':
      return buildQrPhMerchant({ acquirerBic: 'SANDPHM1XXX', merchantId: 'SANDBOX', categoryCode: '5999', name, city: 'Manila', reference, amountMinor })
    case 'doku_qris':
    case 'ifpay_qris':
      return buildQris({
        issuer: 'COM.EXAMPLE.SANDBOX',
        merchantPan: '936099990000000000',
        merchantId: '999900000000000',
        size: 'UMI',
        nationalMerchantId: 'ID9999999999999',
        categoryCode: '5999',
        name,
        city: 'JAKARTA',
        postalCode: '10110',
        terminal: reference,
        amountMinor,
      })
    case 'duitnow':
      return buildDuitNow({ acquirerId: '999999', qrId: 'SANDBOX', categoryCode: '5999', name, city: 'Kuala Lumpur', amountMinor, reference })
    case 'vietqr_zalopay':
      return buildVietQr({ bankBin: '999999', account: 'SANDBOX', amountMinor, reference })
    case 'upi_qr':
      // Payers pay in rupees; the amount in rupees is only known when they do.
      return buildUpi({ address: 'sandbox@hawker', name, reference, note: fitText(currency.toUpperCase(), 50), ...(currency === 'inr' ? { amountMinor } : {}) })
    default:
      return `${checkoutUrl}?method=${method.code}`
  }
}
