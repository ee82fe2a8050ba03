-- ?1 holder. Changes nothing: tells whether the file takes writes.
UPDATE lovage_holder SET lease_end = lease_end WHERE id = ?1
