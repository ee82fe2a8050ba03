SELECT claims, topology, generation, generation_since, boot FROM lovage_store WHERE id = 1
