"""Device credentials: who may come in at the broker, kept in Mosquitto's dynamic security as the database says."""
