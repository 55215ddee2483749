-- Who caused an event: `key:<id>`, `staff:<id>`, `payer` or `system`. Null for events of versions before.
alter table hawker.events add column caller text;

-- Requests that no API key made: a payer's at the default link, a job's, a staff member's.
alter table hawker.payment_requests alter column api_key_id drop not null;

-- What a payment request collects money for, such as an order or an invoice; completed in the transaction of its payment.
alter table hawker.payment_requests add column source_type text;

alter table hawker.payment_requests add column source_id uuid;

alter table hawker.payment_requests add constraint payment_requests_source check ((source_type is null) = (source_id is null));
