SELECT topology, uuid::text AS uuid FROM lovage.store
