import { extractText, getDocumentProxy } from 'unpdf'
import { expect, test } from 'vitest'
import { UpdateCheckoutSettings } from '#resources/business/checkout-settings/wire.ts'
import { aBusiness, type Client, send } from '#testing/api.ts'
import { aPaidCharge, aPaymentRequest, startPayments } from '#testing/payments.ts'
import { rawGet } from '#testing/raw-get.ts'

/** Where payers meet a business. */
type Surface = 'checkout' | 'framed checkout' | 'default link' | 'style' | 'receipt' | 'receipt as a PDF' | 'email' | 'email as text'

/** Each setting, its value, the surfaces that show it, and how it reads there. */
const shown: Record<keyof UpdateCheckoutSettings, [value: unknown, surfaces: Surface[], text: RegExp]> = {
  display_name: ['Warung Sari', ['checkout', 'default link', 'receipt', 'receipt as a PDF', 'email', 'email as text'], /Warung Sari/],
  primary_color: ['#0f766e', ['style'], /#0f766e/],
  background_color: ['#fffbeb', ['style'], /#fffbeb/],
  allowed_origins: [['https://shop.example.com'], ['framed checkout'], /frame-ancestors [^;]*https:\/\/shop\.example\.com/],
  default_language: ['id', ['checkout', 'default link', 'receipt', 'email'], /<html lang="id"/],
  support_email: ['help@example.com', ['checkout', 'default link'], /help@example\.com/],
  support_url: ['https://help.example.com/pay', ['checkout', 'default link'], /https:\/\/help\.example\.com\/pay/],
  legal_name: ['Sari Foods Pte. Ltd.', ['receipt', 'receipt as a PDF', 'email', 'email as text'], /Sari Foods Pte\. Ltd\./],
  registration_number: ['UEN 201912345A', ['receipt', 'receipt as a PDF', 'email', 'email as text'], /UEN 201912345A/],
  address: ['1 Raffles Place #20-01', ['receipt', 'receipt as a PDF', 'email', 'email as text'], /1 Raffles Place #20-01/],
}

test('every setting of the checkout is shown on every surface that has a place for it, as soon as it is set', async () => {
  const payments = await startPayments()
  const { server } = payments
  const client = await aBusiness({ name: 'Before' }, server)
  const page = async (path: string) => (await send(server, 'GET', path)).text

  async function surfacesOf(owner: Client): Promise<Record<Surface, string>> {
    const request = await aPaymentRequest(owner, { send_email: true })
    const open = `/payment-request/@${owner.business.slug}/${request.id}/checkout`
    const framed = await send(server, 'GET', `${open}?embed=1`)
    const checkout = await page(open)
    const charge = await aPaidCharge(payments, owner, { payment_request_id: request.id })
    const receipt = new URL((await owner.get(`/v1/charges/${charge.id}/receipt`)).json.url).pathname
    const { body } = await rawGet(server.url, `${receipt}.pdf`, {})
    const pdf = await extractText(await getDocumentProxy(new Uint8Array(body)), { mergePages: true })
    const [mail] = (await owner.get('/v1/sandbox/mails?per_page=1')).json.data
    return {
      checkout,
      'framed checkout': framed.headers.get('content-security-policy') ?? '',
      'default link': await page(`/payment-request/@${owner.business.slug}`),
      style: await page(/\/payment-request\/@[\w-]+\/theme\.css[^"]*/.exec(checkout)?.[0].replaceAll('&amp;', '&') ?? ''),
      receipt: await page(receipt),
      'receipt as a PDF': pdf.text.replace(/\s+/g, ' '),
      email: mail.html,
      'email as text': mail.text,
    }
  }

  expect(Object.keys(shown).sort()).toEqual(Object.keys(UpdateCheckoutSettings.properties).sort())
  const before = await surfacesOf(client)
  const settings = Object.fromEntries(Object.entries(shown).map(([name, [value]]) => [name, value]))
  expect((await client.patch('/v1/checkout-settings', settings)).json).toMatchObject(settings)
  const after = await surfacesOf(client)
  for (const [name, [, surfaces, text]] of Object.entries(shown))
    expect([name, surfaces.filter((surface) => !text.test(after[surface]) || text.test(before[surface]))]).toEqual([name, []])
  expect((await client.patch('/v1/checkout-settings', Object.fromEntries(Object.keys(shown).map((name) => [name, null])))).status).toBe(200)
  expect((await page(`/payment-request/@${client.business.slug}`)).includes('Warung Sari')).toBe(false)
})
