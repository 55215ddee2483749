-- no transaction

-- The latest charges of a payment request, in the order in which its page needs them: a link may be paid thousands of times.
create index concurrently if not exists charges_of_request on hawker.charges (business_id, payment_request_id, id) where payment_request_id is not null;

drop index concurrently if exists hawker.charges_payment_request;
