-- no transaction

-- Canceled deliveries are as rare as failed ones; a list of them reads nothing else.
create index concurrently if not exists webhook_deliveries_canceled on hawker.webhook_deliveries (business_id, id) where status = 'canceled';
