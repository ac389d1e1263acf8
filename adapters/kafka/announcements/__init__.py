"""nextVisit and its cancellation: topics, Avro, schema registry."""
