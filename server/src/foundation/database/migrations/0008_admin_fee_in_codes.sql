-- The fee that the payment code of a request asks for beside its amount, so that a code that is out keeps its price when
-- the schedule of fees changes. Null where no code asks for one: then the fee is found when the payer pays.
alter table hawker.payment_requests add column admin_fee_minor bigint check (admin_fee_minor >= 0);
