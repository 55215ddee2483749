import { setTimeout as sleep } from 'node:timers/promises'
import { ownValue } from '@hawker/web/own-value'
import { UsageError } from '#commands/usage-error.ts'
import { didYouMean } from '#foundation/shared/did-you-mean.ts'
import { CommandError, call, type Made, type Server } from './client.ts'

/** Creates what an event is about; returns the object of the event. */
type Recipe = (make: Maker) => Promise<Made>

/** Requests to the server, each of which prints what it created. */
interface Maker {
  customer(): Promise<Made>
  paymentRequest(about?: Record<string, unknown>): Promise<Made>
  /** Acts as the payer; returns the charge. */
  pay(request: Made, about?: Record<string, unknown>): Promise<Made>
  /** Refunds part of a charge. */
  refund(charge: Made): Promise<Made>
  send(method: 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<Made>
  read(path: string): Promise<Made>
}

const requests = '/v1/payment-requests'
/** The shortest expiry that the API accepts as a date, with time for the request itself. */
const expiresInMs = 1_500
const patienceMs = 15_000

/** The events that can be emitted, each by its real cause. */
const recipes: Record<string, Recipe> = {
  'charge.created': async (make) => make.pay(await make.paymentRequest()),
  'charge.failed': async (make) => make.pay(await make.paymentRequest(), { outcome: 'failed' }),
  'charge.updated': async (make) => {
    const charge = await make.pay(await make.paymentRequest())
    await make.refund(charge)
    return charge
  },
  'charge.unapplied': async (make) => make.pay(await make.paymentRequest(), { amount: '9.00' }),
  'refund.created': async (make) => make.refund(await make.pay(await make.paymentRequest())),
  'customer.created': (make) => make.customer(),
  'customer.updated': async (make) => {
    const { id } = await make.customer()
    return make.send('PATCH', `/v1/customers/${id}`, { remark: 'VIP' })
  },
  'customer.deleted': async (make) => {
    const customer = await make.customer()
    await make.send('DELETE', `/v1/customers/${customer.id}`)
    return customer
  },
  'payment_request.created': (make) => make.paymentRequest(),
  'payment_request.updated': async (make) => {
    const { id } = await make.paymentRequest()
    return make.send('PATCH', `${requests}/${id}`, { purpose: 'Changed' })
  },
  'payment_request.canceled': async (make) => {
    const request = await make.paymentRequest()
    await make.send('DELETE', `${requests}/${request.id}`)
    return request
  },
  'payment_request.completed': async (make) => {
    const request = await make.paymentRequest()
    await make.pay(request)
    return request
  },
  'payment_request.failed': async (make) => {
    // Only in-person payments end their request when they fail.
    const request = await make.paymentRequest({ payment_methods: ['wifi_card_reader'], wifi_terminal_id: 'terminal-1' })
    await make.pay(request, { outcome: 'failed' })
    return request
  },
  'payment_request.expired': async (make) => {
    const request = await make.paymentRequest({ expiry_date: new Date(Date.now() + expiresInMs).toISOString() })
    const until = performance.now() + patienceMs
    while ((await make.read(`${requests}/${request.id}`)).status !== 'expired') {
      if (performance.now() > until) throw new CommandError('The payment request did not expire; is `hawker worker` running?')
      await sleep(100)
    }
    return request
  },
}

/** The events that `hawker trigger` can emit. */
export const triggers = Object.keys(recipes).sort()

function makerOn(server: Server, tell: (what: string, made: Made) => void): Maker {
  const told = async (what: string, made: Promise<Made>) => {
    const object = await made
    tell(what, object)
    return object
  }
  return {
    customer: () => told('customer', call(server, 'POST', '/v1/customers', { name: 'John Doe', email: 'jsmith@example.com', phone_number: '91234567' })),
    paymentRequest: (about) =>
      told('payment request', call(server, 'POST', requests, { amount: '10.00', currency: 'sgd', reference_number: 'triggered', ...about })),
    pay: async ({ id }, about) => {
      const paid = await call(server, 'POST', `/v1/sandbox/payment-requests/${id}/pay`, about ?? {})
      return told('charge', Promise.resolve({ ...paid, id: String(paid.payment_id) }))
    },
    refund: ({ id }) => told('refund', call(server, 'POST', '/v1/refunds', { payment_id: id, amount: '4.00' })),
    send: (method, path, body) => call(server, method, path, body),
    read: (path) => call(server, 'GET', path),
  }
}

interface EventPage {
  data: (Made & { object_id: string })[]
  meta: { next_cursor: string; has_more: boolean }
}

const eventPage = (server: Server, query: string) => call(server, 'GET', `/v1/events?per_page=100&${query}`) as Promise<unknown> as Promise<EventPage>

/** The event of a type about an object; it exists as soon as its cause does. */
async function eventAbout(server: Server, type: string, objectId: string, after: string): Promise<Made> {
  for (let cursor = after; ; ) {
    const { data, meta } = await eventPage(server, `type=${type}&after=${cursor}`)
    const found = data.find(({ object_id }) => object_id === objectId)
    if (found) return found
    if (!meta.has_more) throw new CommandError(`No ${type} event was emitted.`)
    cursor = meta.next_cursor
  }
}

/** `hawker trigger`: creates real objects on a running Hawker, and shows the event that they emit. */
export async function trigger(server: Server, type: string, { json }: { json?: boolean | undefined }, print: (line: string) => void): Promise<void> {
  const recipe = ownValue(recipes, type)
  if (!recipe) {
    const what = type === '' ? 'trigger expects an event.' : `trigger cannot emit ${JSON.stringify(type)}.`
    throw new UsageError(`${what}${didYouMean(type, triggers)} \`hawker trigger --list\` lists the events.`)
  }
  const line = (what: string, { id }: { id: string }) => print(`${what.padEnd(24)}${id}`)
  // Only sandbox businesses have this route: nothing may be invented in a live one.
  await call(server, 'GET', '/v1/sandbox/mails?per_page=1').catch((error: Error) => {
    throw (error as CommandError).status === 404 ? new CommandError('This key belongs to a live business; trigger works in the sandbox only.') : error
  })
  // A page that matches nothing says where the events end.
  const { meta } = await eventPage(server, 'type=none')
  const made = await recipe(makerOn(server, json ? () => undefined : line))
  const event = await eventAbout(server, type, made.id, meta.next_cursor)
  if (json) print(JSON.stringify(event))
  else line(type, event)
}
