import type { Currency } from '#foundation/shared/money.ts'
import type { Card } from './card.ts'

/** What a payer provides, for the duration of one call; none of it is stored unchanged. */
export interface PaymentInput {
  /** A card's number and details, which are only ever passed to the rail. */
  card?: { number: string; expiryMonth?: number; expiryYear?: number; cvc?: string }
  /** A card that the rail has already tokenised. */
  token?: string
  /** Whether the payer is in a browser, which can be redirected to a wallet's page or a bank's challenge; in the sandbox to the simulator's. */
  interactive?: boolean
  /** Sandbox: the outcome to produce. */
  outcome?: 'completed' | 'failed' | 'canceled' | 'timeout' | undefined
  /** Sandbox: answer only after this many seconds. */
  delaySeconds?: number
  /** Sandbox: what the payer does when the card requires 3-D Secure. */
  challenge?: 'passed' | 'failed' | 'abandoned'
}

/** One attempt to pay, from a rail's point of view. */
export interface Attempt {
  /** Our charge's id: the idempotency key of every call about it. */
  readonly id: string
  readonly businessId: string
  readonly country: string
  readonly method: string
  readonly amountMinor: bigint
  readonly currency: Currency
  /** The reference in QR codes and bank transfers, at most 25 of `[A-Z0-9]`. */
  readonly reference: string
  readonly description: string
  readonly payer: { name: string | null; email: string | null; phone: string | null }
  /** Where the payer's browser returns after a redirect. */
  readonly returnUrl: string
  /** What the rail asked us to store with its last answer. */
  readonly data: Record<string, unknown>
  /** The rail's own reference, once it is known. */
  readonly railReference: string | null
  readonly createdAt: Date
  /** The current time, so that a rail needs no clock of its own. */
  readonly now: Date
}

/** What the payer must do next. */
export type Action = { type: 'redirect'; url: string } | { type: 'qr'; payload: string; expiresAt: Date | null } | { type: 'challenge'; url: string }

/** A rail's answer is a value, not an error; anything that is not understood is pending, and is checked again. */
export type Outcome =
  | { status: 'succeeded'; reference: string; card?: Card; data?: Record<string, unknown> }
  | { status: 'pending'; reference?: string; checkAfterSeconds: number; data?: Record<string, unknown> }
  | { status: 'requires_action'; reference?: string; action: Action; checkAfterSeconds: number; card?: Card; data?: Record<string, unknown> }
  | { status: 'failed'; reference?: string; code: string; message: string; canceled?: boolean; card?: Card; data?: Record<string, unknown> }

export interface RefundAttempt {
  /** Our refund's id: the idempotency key of every call about it. */
  readonly id: string
  readonly businessId: string
  readonly amountMinor: bigint
  readonly currency: Currency
  /** The rail's reference of the charge. */
  readonly chargeReference: string
  readonly chargeData: Record<string, unknown>
  readonly method: string
  readonly createdAt: Date
  readonly now: Date
}

export type RefundOutcome =
  | { status: 'succeeded'; reference: string }
  | { status: 'pending'; reference?: string; checkAfterSeconds: number }
  | { status: 'failed'; code: string; message: string }

/** A rail's notification, verified and understood. */
export type RailNotification = {
  /** The rail's id of the notification; each is acted on once. */
  eventId: string
  /** Our id of the charge or refund that it is about, if the rail includes it. */
  objectId: string | null
} & ({ kind: 'charge'; outcome: Outcome } | { kind: 'refund'; outcome: RefundOutcome })

/** A request as received, for signatures over raw bytes. */
export interface RawRequest {
  body: Buffer
  headers: Record<string, string | undefined>
}

/** A business's own access to a rail, decrypted: for Stripe its keys. Empty for the simulator. */
export type RailAccess = Readonly<Record<string, string>>

/**
 * A way to move money. Rails are stateless: they neither read nor write the database. A rail has no method for what it
 * does not support. Every rail passes `conformance.ts`.
 */
export interface Rail {
  readonly name: string
  /** True when nothing leaves this process: then the attempt and its outcome are written in one transaction. */
  readonly local: boolean
  readonly methods: readonly string[]
  start(attempt: Attempt, input: PaymentInput, access: RailAccess): Promise<Outcome>
  /** Polled by a job if no notification arrived. */
  check(attempt: Attempt, access: RailAccess): Promise<Outcome>
  refund?(refund: RefundAttempt, access: RailAccess): Promise<RefundOutcome>
  checkRefund?(refund: RefundAttempt & { reference: string | null }, access: RailAccess): Promise<RefundOutcome>
  /** Verifies, then parses; undefined for messages that concern no payment. Throws `BadNotification` for a bad signature. */
  readNotification?(request: RawRequest, access: RailAccess, now: Date): Promise<RailNotification | undefined>
}

/** A notification whose signature or format is wrong; answered with 400 and otherwise ignored. */
export class BadNotification extends Error {}
