SELECT version FROM lovage.schema_version WHERE component = $1
