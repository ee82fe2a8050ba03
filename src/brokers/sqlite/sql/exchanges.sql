SELECT name, type FROM lovage_exchange ORDER BY rowid
