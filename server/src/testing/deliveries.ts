import { emitEvent, type NewEvent } from '#engine/events/emit-event.ts'
import { orderEvents } from '#engine/events/order-events.ts'
import { createLog } from '#foundation/http/observability.ts'
import { system } from '#foundation/shared/caller.ts'
import { newId } from '#foundation/shared/ids.ts'
import { type Dispatcher, type DispatcherOptions, startDispatcher } from '#resources/webhooks/delivery/deliver-events.ts'
import { fanOut } from '#resources/webhooks/delivery/fan-out.ts'
import { type Client, testSecretKey } from './api.ts'

/** A dispatcher over the test's database that sends only on request. */
export function testDispatcher({ server }: Client, more: Partial<DispatcherOptions> = {}): Dispatcher {
  const { database, clock } = server
  return startDispatcher({
    database,
    log: createLog('silent'),
    secretKey: () => testSecretKey,
    clock,
    onEvent: () => undefined,
    pollMs: 0,
    random: () => 0.5,
    ...more,
  })
}

/** Sequences a business's events and fans them out, like the relay. */
export function placeEvents({ server, business }: Client): Promise<number> {
  return orderEvents(server.database.db, business.id, fanOut({ secretKey: () => testSecretKey, clock: server.clock }))
}

/** Emits events and fans them out; `data` is JSON text, kept byte for byte. Returns their ids. */
export async function tellEvents(client: Client, events: Partial<NewEvent>[]): Promise<string[]> {
  const { clock } = client
  const { database } = client.server
  const ids: string[] = []
  await database.db.transaction().execute(async (tx) => {
    for (const event of events) {
      const at = clock.now()
      const whole = { type: 'charge.created', objectId: newId<'object'>(at), data: '{"id":"x"}', requestId: null, caller: system, at, ...event } as const
      ids.push(await emitEvent(tx, client.business.id, whole))
    }
  })
  await placeEvents(client)
  return ids
}

/** Registers an endpoint; returns its JSON. */
export async function anEndpoint(client: Client, url: string, more: Record<string, unknown> = {}): Promise<{ id: string; salt: string }> {
  const { status, text, json } = await client.post('/v1/webhook-events', { name: 'Shop', url, ...more })
  if (status !== 201) throw new Error(`the endpoint was not made: ${text}`)
  return json
}
