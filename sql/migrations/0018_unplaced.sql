-- What a telephone asked for when it registered a device: the same request comes again when its answer was lost.
ALTER TABLE device ADD COLUMN request jsonb;
