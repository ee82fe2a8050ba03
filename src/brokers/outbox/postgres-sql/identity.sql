SELECT uuid::text AS uuid FROM lovage.outbox_id
