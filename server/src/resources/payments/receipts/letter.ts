import type { Business } from '#foundation/shared/business.ts'
import { escapeHtml } from '#foundation/shared/html.ts'
import { newId } from '#foundation/shared/ids.ts'
import type { Look } from '#resources/business/checkout-settings/looks.ts'
import type { MailRow } from '#resources/business/mails/queries.ts'
import { type Speech, speech } from './language.ts'
import { countOf, type Fact, factsOf, notesOf, type Total, totalsOf } from './parts.ts'
import { printable } from './printable.ts'
import type { Receipt } from './receipt-wire.ts'

interface Item {
  name: string
  details: string | undefined
  amount: string
}

interface Letter {
  look: Look
  speech: Speech
  subject: string
  heading: string
  amount: string
  facts: Fact[]
  items: Item[]
  totals: Total[]
  /** The receipt's page; its PDF has the same URL with `.pdf` appended. */
  receipt: string
  notes: string[]
}

function asText({ heading, amount, facts, items, totals, receipt, notes, speech: { texts } }: Letter): string {
  const lines = [
    ...facts.map(({ label, value }) => `${label}: ${printable(value)}`),
    ...(items.length > 0 ? ['', `${texts.items}:`] : []),
    ...items.map((item) => `- ${[item.name, item.details, item.amount].filter((part) => part !== undefined && part !== '').join(' · ')}`),
    '',
    ...totals.map((total) => `${total.label}: ${total.amount}`),
  ]
  return `${heading}\n\n${amount}\n\n${lines.join('\n')}\n\n${texts.view}:\n${receipt}\n\n${texts.download}:\n${receipt}.pdf\n\n${notes.join('\n')}\n`
}

/** Long words of others break anywhere, so that no text widens the mail; some mail programs know only the second spelling. */
const breaks = 'overflow-wrap:anywhere;word-break:break-word'
const cell = `padding:10px 0;border-top:1px solid #e5e7eb;font-size:14px;line-height:20px;vertical-align:top;${breaks}`

function row(
  label: string,
  value: string,
  { isTotal = false, isMoney = false, more }: { isTotal?: boolean; isMoney?: boolean; more?: string | undefined } = {},
): string {
  const weight = isTotal ? ';font-weight:700' : ''
  const details = more === undefined || more === '' ? '' : `<br><span style="color:#6b7280;font-size:13px">${escapeHtml(more)}</span>`
  return (
    `<tr><td style="${cell};color:${isMoney ? '#111827' : '#6b7280'};padding-right:16px${weight}">${escapeHtml(label)}${details}</td>` +
    `<td style="${cell};color:#111827;text-align:right${weight}">${escapeHtml(value)}</td></tr>`
  )
}

/** Tables and styles on elements, because mail programs agree only on those; nothing but the merchant's logo is loaded. */
function asHtml({ look, speech: { language, texts }, subject, heading, amount, facts, items, totals, receipt, notes }: Letter): string {
  const rows = [
    ...facts.map(({ label, value }) => row(label, printable(value))),
    ...items.map((item) => row(item.name, item.amount, { isMoney: true, more: item.details })),
    ...totals.map((total) => row(total.label, total.amount, { isMoney: true, isTotal: total.isTotal })),
  ]
  const logo =
    look.logo === null
      ? ''
      : `<img src="${escapeHtml(look.logo)}" alt="" height="48" style="display:block;height:48px;width:auto;max-width:160px;margin:0 0 16px">\n`
  return `<!doctype html>
<html lang="${language}">
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
<tr><td style="padding:32px 24px">
${logo}<h1 style="margin:0 0 8px;font-size:18px;line-height:26px;font-weight:600;color:#111827;${breaks}">${escapeHtml(heading)}</h1>
<p style="margin:0 0 24px;font-size:28px;line-height:36px;font-weight:700;color:#111827;${breaks}">${escapeHtml(amount)}</p>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0">
${rows.join('\n')}
</table>
<table role="presentation" cellpadding="0" cellspacing="0" style="margin-top:24px">
<tr><td style="border-radius:8px;background:#1d4ed8"><a href="${escapeHtml(receipt)}" style="display:inline-block;padding:12px 20px;font-size:15px;line-height:20px;font-weight:600;color:#ffffff;text-decoration:none">${escapeHtml(texts.view)}</a></td></tr>
</table>
<p style="margin:12px 0 0;font-size:14px;line-height:20px"><a href="${escapeHtml(receipt)}.pdf" style="color:#1d4ed8">${escapeHtml(texts.download)}</a></p>
<p style="margin:24px 0 0;font-size:13px;line-height:20px;color:#6b7280;${breaks}">${notes.map(escapeHtml).join('<br>')}</p>
</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`
}

/** The parts of a letter that are those of the receipt's page and PDF, in the language of the business's pages. */
function letterOf(
  business: Business,
  look: Look,
  receipt: Receipt,
  url: string,
  words: { subject: keyof Speech['texts']; heading: keyof Speech['texts']; minor: bigint; more?: string },
): Letter {
  const spoken = speech(look.language, receipt, business.timezone)
  const { texts, money, fill } = spoken
  const values = { name: printable(look.name), amount: money(words.minor) }
  return {
    look,
    speech: spoken,
    // A subject outside ASCII is encoded, so its spaces are plain ones.
    subject: fill(texts[words.subject], values).replaceAll('\u00a0', ' '),
    heading: fill(texts[words.heading], values),
    amount: values.amount,
    facts: factsOf(receipt, spoken).filter(({ label }) => label !== texts.payer),
    items: receipt.items.map((item) => ({
      name: printable(item.name),
      details: [item.description === null ? undefined : printable(item.description), countOf(item, spoken)].filter((part) => part !== undefined).join(' · '),
      amount: item.amountMinor === null ? '' : money(item.amountMinor),
    })),
    totals: totalsOf(receipt, spoken),
    receipt: url,
    notes: [
      ...(words.more === undefined ? [] : [words.more]),
      fill(texts.questions, values),
      ...notesOf(receipt, business, spoken),
      ...look.issuer.map(printable),
    ],
  }
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

/** The receipt of a payment, with the URL of its page. */
export function receiptMail(business: Business, look: Look, receipt: Receipt, recipient: string, url: string, at: Date): MailRow {
  const letter = letterOf(business, look, receipt, url, { subject: 'mailReceipt', heading: 'mailThanks', minor: receipt.amount_minor })
  return written(business, letter, { recipient, source: 'charge', source_id: receipt.id }, at)
}

/** Informs a payer of a refund, with the URL of the receipt, which contains it too. */
export function refundMail(
  business: Business,
  look: Look,
  receipt: Receipt,
  refund: { id: string; amount_minor: bigint; email: string | null },
  url: string,
  at: Date,
): MailRow {
  const more = speech(look.language, receipt, business.timezone).texts.mailRefundTime
  const letter = letterOf(business, look, receipt, url, { subject: 'mailRefund', heading: 'mailRefunded', minor: refund.amount_minor, more })
  return written(business, letter, { recipient: refund.email ?? '', source: 'refund', source_id: refund.id }, at)
}
