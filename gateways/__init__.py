"""Money, goods and parcels of other systems."""
