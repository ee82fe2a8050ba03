DELETE FROM lovage.outbox WHERE id = ANY ($1::bigint[])
