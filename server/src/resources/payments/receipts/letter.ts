import { brandNames } from '#engine/rails/card.ts'
import type { Business } from '#foundation/shared/business.ts'
import { escapeHtml } from '#foundation/shared/html.ts'
import { newId } from '#foundation/shared/ids.ts'
import { formatAmount } from '#foundation/shared/money.ts'
import { formatLocalTime } from '#foundation/shared/time.ts'
import type { MailRow } from '#resources/business/mails/queries.ts'

/** What a receipt says about a payment. */
export interface Receipted {
  id: string
  currency: string
  amount_minor: bigint
  method: string
  card: { brand: string; last4: string } | null
  remark: string | null
  reference_number: string | null
}

/** Text on one line: subjects and rows of a table have no line breaks. */
const oneLine = (text: string) => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()

const methodNames: Record<string, string> = {
  card: 'Card',
  paynow_online: 'PayNow',
  grabpay_direct: 'GrabPay',
  grabpay_paylater: 'PayLater by Grab',
  shopee_pay: 'ShopeePay',
  wechat: 'WeChat Pay',
  wechat_pay: 'WeChat Pay',
  fpx: 'FPX',
  duitnow: 'DuitNow',
  upi_qr: 'UPI',
  cash: 'Cash',
}

function paidWith({ method, card }: Receipted): string {
  const name = methodNames[method] ?? oneLine(method.replaceAll('_', ' '))
  return card ? `${name}, ${brandNames[card.brand] ?? oneLine(card.brand)} ending in ${oneLine(card.last4)}` : name
}

const money = (minor: bigint, currency: string) => `${currency.toUpperCase()} ${formatAmount(minor, currency).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ',')}`

interface Letter {
  subject: string
  heading: string
  amount: string
  rows: [label: string, value: string][]
  /** The receipt's page; its PDF has the same URL with `.pdf` appended. */
  receipt: string
  footer: string
}

function asText({ heading, amount, rows, receipt, footer }: Letter): string {
  const width = Math.max(...rows.map(([label]) => label.length)) + 2
  return `${heading}\n\n${amount}\n\n${rows.map(([label, value]) => `${`${label}:`.padEnd(width)}${value}`).join('\n')}\n\nYour receipt:\n${receipt}\n\nAs a PDF:\n${receipt}.pdf\n\n${footer}\n`
}

/** Tables and styles on elements, because mail programs agree only on those; nothing is loaded from elsewhere. */
function asHtml({ subject, heading, amount, rows, receipt, footer }: Letter): string {
  const cell = 'padding:10px 0;border-top:1px solid #e5e7eb;font-size:14px;line-height:20px;vertical-align:top'
  const lines = rows
    .map(
      ([label, value]) =>
        `<tr><td style="${cell};color:#6b7280;padding-right:16px;white-space:nowrap">${escapeHtml(label)}</td>` +
        `<td style="${cell};color:#111827;text-align:right;word-break:break-word">${escapeHtml(value)}</td></tr>`,
    )
    .join('\n')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<title>${escapeHtml(subject)}</title>
</head>
<body style="margin:0;background:#f3f4f6;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:#f3f4f6">
<tr><td align="center" style="padding:32px 16px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:480px;background:#ffffff;border-radius:12px">
<tr><td style="padding:32px">
<h1 style="margin:0 0 8px;font-size:18px;line-height:26px;font-weight:600;color:#111827;word-break:break-word">${escapeHtml(heading)}</h1>
<p style="margin:0 0 24px;font-size:32px;line-height:40px;font-weight:700;color:#111827">${escapeHtml(amount)}</p>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0">
${lines}
</table>
<table role="presentation" cellpadding="0" cellspacing="0" style="margin-top:24px">
<tr><td style="border-radius:8px;background:#1d4ed8"><a href="${escapeHtml(receipt)}" style="display:inline-block;padding:12px 20px;font-size:15px;line-height:20px;font-weight:600;color:#ffffff;text-decoration:none;white-space:nowrap">View receipt</a></td></tr>
</table>
<p style="margin:12px 0 0;font-size:14px;line-height:20px"><a href="${escapeHtml(receipt)}.pdf" style="color:#1d4ed8">Download it as a PDF</a></p>
<p style="margin:24px 0 0;font-size:13px;line-height:20px;color:#6b7280;word-break:break-word">${escapeHtml(footer)}</p>
</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`
}

function written(business: Business, letter: Letter, about: Pick<MailRow, 'recipient' | 'source' | 'source_id'>, at: Date): MailRow {
  return {
    ...about,
    business_id: business.id,
    id: newId<'mail'>(at),
    subject: letter.subject,
    body_text: asText(letter),
    body_html: asHtml(letter),
    status: 'pending',
    attempts: 0,
    due_at: at,
    created_at: at,
    sent_at: null,
  }
}

function rowsOf(business: Business, charge: Receipted, at: Date): [string, string][] {
  const rows: [string, string | null][] = [
    ['Date', formatLocalTime(at, business.timezone).replace('T', ' ')],
    ['Paid with', paidWith(charge)],
    ['For', charge.remark],
    ['Reference', charge.reference_number],
    ['Payment', charge.id],
  ]
  return rows.flatMap(([label, value]) => (value ? [[label, oneLine(value)] as [string, string]] : []))
}

const sandboxNote = (business: Business) => (business.mode === 'sandbox' ? ' This is a test; no money was moved.' : '')

/** The receipt of a payment, with the URL of its page. */
export function receiptMail(business: Business, charge: Receipted, recipient: string, receipt: string, at: Date): MailRow {
  const name = oneLine(business.name)
  const letter: Letter = {
    subject: `Receipt from ${name}: ${money(charge.amount_minor, charge.currency)}`,
    heading: `Thank you for your payment to ${name}`,
    amount: money(charge.amount_minor, charge.currency),
    rows: rowsOf(business, charge, at),
    receipt,
    footer: `Questions about this payment? Ask ${name}.${sandboxNote(business)}`,
  }
  return written(business, letter, { recipient, source: 'charge', source_id: charge.id }, at)
}

/** Informs a payer of a refund, with the URL of the receipt, which contains it too. */
export function refundMail(
  business: Business,
  charge: Receipted,
  refund: { id: string; amount_minor: bigint; email: string | null },
  receipt: string,
  at: Date,
): MailRow {
  const name = oneLine(business.name)
  const letter: Letter = {
    subject: `Refund from ${name}: ${money(refund.amount_minor, charge.currency)}`,
    heading: `${name} has given you money back`,
    amount: money(refund.amount_minor, charge.currency),
    rows: [...rowsOf(business, charge, at), ['Paid before', money(charge.amount_minor, charge.currency)], ['Refund', refund.id]],
    receipt,
    footer: `When it arrives depends on how you paid. Questions? Ask ${name}.${sandboxNote(business)}`,
  }
  return written(business, letter, { recipient: refund.email ?? '', source: 'refund', source_id: refund.id }, at)
}
